"""Which webhooks there are, as the log tells."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from services.identity import events as identity
from services.webhooks import ledger
from services.webhooks.domain import Delivery, Webhook
from services.webhooks.ledger import Ledger
from shared import clock
from shared.database import open_database, reading
from shared.ids import new_id
from shared.log import Append, Entry, EventLog, open_log
from shared.messages import Event, encode
from tests.contract.golden import SEALER

PROGRAM, WEBHOOK = uuid4(), uuid4()
IDS = {"program_id": PROGRAM, "webhook_id": WEBHOOK}
REGISTERED = identity.WebhookRegistered(**IDS, registered_by=uuid4(), url="https://example.org/", types=("goals.*",))


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    database = open_database(f"sqlite:///{tmp_path}", "webhooks")
    ledger.install(database)
    return database


@pytest.fixture
def log() -> EventLog:
    return open_log("memory:")


def tell(log: EventLog, *events: Event) -> None:
    for event in events:
        event_id = new_id()
        entry = Entry(event_id, event.type, 1, None, clock.now(), encode(event, event_id, SEALER))
        stream = f"program-{PROGRAM}"
        version = len(log.streams([stream])[stream])
        log.append([Append(stream, version, event_id, b"", PROGRAM, "ada", event_id, None, (entry,))])


def webhooks(database: Engine, log: EventLog) -> dict[UUID, Webhook]:
    with reading(database) as session:
        held = Ledger(session)
        held.follow(log.read(held.checkpoint()))
        return held.webhooks()


def delivery(database: Engine, webhook: Webhook) -> Delivery:
    with reading(database) as session:
        return Ledger(session).resume(webhook)


def test_one_is_there_from_its_registration_to_its_removal(database: Engine, log: EventLog) -> None:
    tell(log, identity.ProgramCreated(program_id=PROGRAM, name="Web", coordinator_id=uuid4()), REGISTERED)
    [webhook] = webhooks(database, log).values()
    assert (webhook.program, webhook.types, webhook.start) == (PROGRAM, ("goals.*",), 2)
    assert SEALER.open(webhook.url) == "https://example.org/"
    tell(log, identity.WebhookRemoved(**IDS))
    assert webhooks(database, log) == {}


@pytest.mark.parametrize(("first", "position"), [(1, 0), (2, 1), (99, 3)])
def test_a_replay_begins_there_but_never_later_than_it_was_asked_for(
    database: Engine, log: EventLog, first: int, position: int
) -> None:
    """Else what happens next would be passed over."""
    tell(log, REGISTERED, identity.WebhookEnabled(**IDS))
    tell(log, identity.WebhookReplayRequested(**IDS, from_position=first))
    [webhook] = webhooks(database, log).values()
    assert delivery(database, webhook).position == position


def test_where_it_stands_is_kept_and_never_goes_back_by_what_is_said_late(database: Engine, log: EventLog) -> None:
    tell(log, REGISTERED)
    [webhook] = webhooks(database, log).values()
    begun = delivery(database, webhook)
    with reading(database) as session:
        held = Ledger(session)
        held.save(begun.taken(5, clock.now()))
        held.pass_over({WEBHOOK: (begun.ordered, 7)})
        held.pass_over({WEBHOOK: (begun.ordered, 6)})
        held.save(begun.taken(4, clock.now()))
    assert delivery(database, webhook).position == 7
    tell(log, identity.WebhookReplayRequested(**IDS, from_position=1))
    [again] = webhooks(database, log).values()
    assert delivery(database, again).position == 0
    with reading(database) as session:
        Ledger(session).save(begun.taken(9, clock.now()))
        Ledger(session).pass_over({WEBHOOK: (begun.ordered, 9)})
    assert delivery(database, again).position == 0

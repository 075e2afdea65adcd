"""Which webhooks there are, folded from the log."""

from collections.abc import Iterable

from sqlalchemy import JSON, BigInteger, Column, Text, Uuid

from services.webhooks import heard
from services.webhooks.heard import WebhookEnabled, WebhookRegistered, WebhookRemoved, WebhookReplayRequested
from shared.log import Recorded
from shared.messages import Catalogue, Event
from shared.projection import Key, Projection, Row, View


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    if isinstance(event, WebhookRegistered | WebhookRemoved | WebhookEnabled | WebhookReplayRequested):
        return [(event.webhook_id,)]
    return []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    now = recorded.position
    match event:
        case WebhookRegistered():
            return {
                "webhook_id": event.webhook_id,
                "program": event.program_id,
                "url": event.url,
                "types": list(event.types),
                "start": now,
                "restarted": now,
                "ordered": now,
            }
        case WebhookEnabled():
            return row and {**row, "ordered": now}
        case WebhookReplayRequested(from_position=first):
            return row and {**row, "start": min(first - 1, now), "restarted": now, "ordered": now}
        case _:
            return None


WEBHOOKS = View(
    "webhooks",
    (
        Column("webhook_id", Uuid, primary_key=True),
        Column("program", Uuid, nullable=False),
        Column("url", Text, nullable=False),
        Column("types", JSON, nullable=False),
        Column("start", BigInteger, nullable=False),
        Column("restarted", BigInteger, nullable=False),
        Column("ordered", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
)

DIRECTORY = Projection("webhooks", [WEBHOOKS], Catalogue(heard))

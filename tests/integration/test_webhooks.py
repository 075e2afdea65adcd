"""Webhooks from processes of their own on PostgreSQL, without a broker: whatever is killed, nothing is passed over."""

import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Row

from deploy.fleet import Process, free_ports
from deploy.servers import Servers
from services.identity.events import RosterImported, WebhookRegistered, WebhookRemoved, WebhookReplayRequested
from services.webhooks import ledger
from shared import clock
from shared.database import install_owner
from shared.ids import new_id
from shared.keys import make_keys
from shared.log import Append, Entry, install_log, open_log
from shared.messages import Event, encode
from shared.parts import Parts
from shared.settings import Settings
from tests.receiver import TAKEN, Answer, Received, Receiver, receiving
from tests.waiting import eventually

OWNERS = ("webhooks", "vault")
ADA = uuid4()


class Place:
    """A log in which a programme's events happen, and processes that send them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.program = uuid4()
        self.settings = Settings(database_url=database_url, secrets_dir=folder / "secrets")
        self.parts = Parts(self.settings, "webhooks")
        self._folder = folder
        self._processes: list[Process] = []
        for owner in OWNERS:
            install_owner(database_url, owner)
        install_log(database_url, readers=OWNERS)
        self.log = open_log(database_url)
        make_keys(self.settings.secrets_dir)
        keeper = Parts(self.settings, "vault")
        keeper.vault.install(OWNERS)
        keeper.close()
        ledger.install(self.parts.database)

    def happen(self, *events: Event) -> int:
        """The position of the last."""
        self.log.append([self._append(event) for event in events])
        return self.log.head().position

    def register(self, receiver: Receiver) -> UUID:
        ids = {"program_id": self.program, "webhook_id": uuid4()}
        self.happen(WebhookRegistered(**ids, registered_by=ADA, url=receiver.url, types=()))
        return ids["webhook_id"]

    def import_rosters(self, count: int) -> int:
        """So many events."""
        imported = RosterImported(
            program_id=self.program, import_id=new_id(), added=1, changed=0, unchanged=0, rejected=()
        )
        return self.happen(*[imported] * count)

    def process(self, private: str = "true") -> Process:
        """Another copy, at work."""
        port = free_ports(1)
        environment = {
            "MENTORING_DATABASE_URL": self.settings.database_url,
            "MENTORING_SECRETS_DIR": str(self.settings.secrets_dir),
            "MENTORING_METRICS_PORT": str(port),
            **({"MENTORING_WEBHOOKS_ALLOW_PRIVATE": private} if private else {}),
        }
        name = f"webhooks-{len(self._processes)}"
        process = Process(name, ["start", "webhooks"], environment, self._folder, port)
        self._processes.append(process)
        process.start()
        process.wait()
        return process

    def delivery(self, webhook_id: UUID) -> Row[tuple[object, ...]] | None:
        return ledger.delivery_of(self.parts.database, webhook_id)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self.parts.close()

    def _append(self, event: Event) -> Append:
        event_id = new_id()
        data = encode(event, event_id, self.parts.vault)
        entry = Entry(event_id, event.type, event.schema_version, None, clock.now(), data)
        return Append(f"foreign-{event_id}", 0, event_id, b"", self.program, "foreign", event_id, None, (entry,))


@pytest.fixture
def place(fresh_database: Callable[[], str], tmp_path: Path) -> Iterator[Place]:
    place = Place(fresh_database(), tmp_path)
    yield place
    place.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@dataclass
class Killing:
    """Answers everything, but the process is killed before the answer to the request of this number."""

    process: Process
    number: int
    asked: int = 0

    def __call__(self, received: Received) -> Answer:
        self.asked += 1
        if self.asked == self.number:
            self.process.kill()
        return TAKEN


def first_times(positions: list[int]) -> list[int]:
    return list(dict.fromkeys(positions))


def delivered_by(process: Process) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("mentoring_webhooks_delivered_total "))


def test_killed_between_request_and_checkpoint_it_sends_that_event_again_and_no_other(
    place: Place, receiver: Receiver
) -> None:
    begin = place.parts.log.head().position + 1
    webhook_id = place.register(receiver)
    last = place.import_rosters(20)
    killed = 7
    process = place.process()
    receiver.answer = Killing(process, 0)
    receiver.await_count(20)
    receiver.received.clear()
    receiver.answer = Killing(process, killed)
    end = place.import_rosters(20)
    eventually(lambda: not process.running)
    place.process()
    eventually(lambda: bool(receiver.positions) and receiver.positions[-1] == end)
    expected = list(range(last + 1, end + 1))
    assert receiver.positions == sorted([*expected, last + killed])
    assert begin == 1
    eventually(lambda: (now := place.delivery(webhook_id)) is not None and now.position == end)


def test_killed_again_and_again_it_passes_over_nothing(place: Place, receiver: Receiver) -> None:
    place.register(receiver)
    first, last = 2, place.import_rosters(40)
    for number in (1, 3, 8):
        process = place.process()
        receiver.answer = Killing(process, number)
        eventually(lambda process=process: not process.running)  # type: ignore[misc]
    receiver.answer = lambda _: TAKEN
    place.process()
    eventually(lambda: bool(receiver.positions) and receiver.positions[-1] == last)
    assert first_times(receiver.positions) == list(range(first, last + 1))
    assert sorted(receiver.positions) == receiver.positions


def test_of_two_copies_one_delivers_and_the_other_takes_over(place: Place, receiver: Receiver) -> None:
    place.register(receiver)
    copies = [place.process(), place.process()]
    last = place.import_rosters(50)
    eventually(lambda: last in receiver.positions)
    assert receiver.positions == list(range(2, last + 1))
    leader = max(copies, key=delivered_by)
    assert sorted(delivered_by(copy) for copy in copies) == [0, 50]
    leader.kill()
    end = place.import_rosters(50)
    eventually(lambda: end in receiver.positions, 10)
    assert receiver.positions == list(range(2, end + 1))


def test_one_that_hangs_is_replaced_and_does_no_harm_when_it_wakes(place: Place, receiver: Receiver) -> None:
    webhook_id = place.register(receiver)
    hanging = place.process()
    before = place.import_rosters(5)
    eventually(lambda: before in receiver.positions)
    assert hanging._process
    os.kill(hanging._process.pid, signal.SIGSTOP)
    try:
        place.process()
        during = place.import_rosters(5)
        eventually(lambda: during in receiver.positions, 20)
    finally:
        os.kill(hanging._process.pid, signal.SIGCONT)
    after = place.import_rosters(5)
    eventually(lambda: after in receiver.positions)
    assert first_times(receiver.positions) == list(range(2, after + 1))
    eventually(lambda: (now := place.delivery(webhook_id)) is not None and now.position == after)


def test_while_the_database_is_away_nothing_is_lost(place: Place, receiver: Receiver, servers: Servers) -> None:
    place.register(receiver)
    process = place.process()
    before = place.import_rosters(5)
    eventually(lambda: before in receiver.positions)
    postgres = next(server for server in servers if server.name == "postgres")
    postgres.kill()
    postgres.start()
    after = place.import_rosters(5)
    eventually(lambda: after in receiver.positions)
    assert first_times(receiver.positions) == list(range(2, after + 1))
    assert process.running and process.ready


def test_removed_it_gets_nothing_of_what_comes_after_though_it_was_far_behind(place: Place, receiver: Receiver) -> None:
    webhook_id = place.register(receiver)
    place.import_rosters(5)
    removed = place.happen(WebhookRemoved(program_id=place.program, webhook_id=webhook_id))
    with receiving() as other:
        place.register(other)
        place.process()
        last = place.import_rosters(5)
        eventually(lambda: last in other.positions)
    assert all(position < removed for position in receiver.positions)
    assert place.delivery(webhook_id) is None


def test_a_replay_tells_everything_again_from_there(place: Place, receiver: Receiver) -> None:
    webhook_id = place.register(receiver)
    last = place.import_rosters(30)
    place.process()
    eventually(lambda: last in receiver.positions)
    replay = WebhookReplayRequested(program_id=place.program, webhook_id=webhook_id, from_position=20)
    end = place.happen(replay)
    eventually(lambda: end in receiver.positions)
    assert receiver.positions == [*range(2, last + 1), *range(20, end + 1)]


def test_unless_it_is_said_it_does_not_lead_inside(place: Place, receiver: Receiver) -> None:
    webhook_id = place.register(receiver)
    place.import_rosters(1)
    place.process(private="")
    eventually(lambda: (now := place.delivery(webhook_id)) is not None and now.failures == 1)
    now = place.delivery(webhook_id)
    assert now is not None and (now.failure, now.position) == ("address_not_allowed", 1)
    assert receiver.received == []


def test_when_who_registered_it_was_erased_it_ends(place: Place, receiver: Receiver) -> None:
    webhook_id = place.register(receiver)
    place.import_rosters(1)
    keeper = Parts(place.settings, "vault")
    keeper.vault.erase(ADA)
    keeper.close()
    place.process()
    eventually(lambda: (now := place.delivery(webhook_id)) is not None and now.disabled_at is not None)
    now = place.delivery(webhook_id)
    assert now is not None and (now.failure, now.position) == ("url_erased", 1)
    assert receiver.received == []


def test_what_it_logs_holds_no_url(place: Place, receiver: Receiver) -> None:
    receiver.answer = lambda _: (500, {})
    receiver.url += "?key=hush-hush"
    place.register(receiver)
    place.import_rosters(1)
    process = place.process()
    receiver.await_count(1)
    process.stop()
    assert "hush" not in process.output.read_text()
    assert "whsec" not in process.output.read_text()

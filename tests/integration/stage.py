"""A place where the toy service and the relay run as processes of their own, on a log and a broker of their own."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, select, update

from deploy.fleet import Process, free_ports
from shared import broker, clock, parking, relay
from shared.database import install_owner, reading, writing
from shared.ids import NIL, new_id
from shared.keys import make_keys
from shared.log import Append, Entry, install_log
from shared.messages import Event, encode
from shared.parking import Parked
from shared.parts import Parts
from shared.projection import Projection, Rows
from shared.refusals import Unavailable
from shared.settings import Settings
from tests.integration.toy.heard import Happened
from tests.integration.toy.service import COUNTERS, toy

OWNERS = ("toy", "relay")
QUEUES_WRITTEN = 1.0  # seconds: a quorum queue that is younger when the broker is killed does not come back


class Toy(Process):
    program = "tests.integration.toy"


class DoomedRelay(Process):
    program = "tests.integration.doomed_relay"


class Dying(Process):
    program = "tests.integration.toy.dying"


class Stage:
    """Processes are started by the test; what still runs at its end is killed."""

    def __init__(self, database_url: str, broker_url: str, folder: Path) -> None:
        self.settings = Settings(database_url=database_url, broker_url=broker_url, secrets_dir=folder / "secrets")
        self.parts = Parts(self.settings, "toy")
        self._folder = folder
        self._processes: list[Process] = []
        self._install()

    def _install(self) -> None:
        for owner in OWNERS:
            install_owner(self.settings.database_url, owner)
        install_log(self.settings.database_url, OWNERS[:1], OWNERS[1:])
        make_keys(self.settings.secrets_dir)
        with self.parts.database.begin() as connection:
            self.directory.install(connection)
            parking.install(connection)
        telling = Parts(self.settings, "relay")
        relay.install(telling.database)
        telling.close()

    @property
    def directory(self) -> Projection:
        service = toy()
        return Projection(service.name, service.directory, service.catalogue)

    @property
    def broker_url(self) -> str:
        return str(self.settings.broker_url)

    def toy(self) -> Process:
        """Another copy, not yet started."""
        return self._process(Toy, "toy", [])

    def dying(self, point: str) -> Process:
        """A copy that kills itself at this point of its hearing, once."""
        return self._process(Dying, "dying", [point, str(self._folder / "has-died")])

    def relay(self) -> Process:
        return self._process(Process, "relay", ["start", "relay"])

    def doomed_relay(self, point: str, position: int = 0) -> Process:
        """One that is killed at this point of its work on the event at `position`."""
        return self._process(DoomedRelay, "relay", [point, str(position)])

    def _process(self, kind: type[Process], name: str, command: Sequence[str]) -> Process:
        port = free_ports(1)
        environment = {
            "MENTORING_DATABASE_URL": self.settings.database_url,
            "MENTORING_BROKER_URL": self.broker_url,
            "MENTORING_SECRETS_DIR": str(self.settings.secrets_dir),
            "MENTORING_METRICS_PORT": str(port),
        }
        process = kind(f"{name}-{len(self._processes)}", command, environment, self._folder, port)
        self._processes.append(process)
        return process

    def happen(self, *happened: Event, subject: UUID | None = None) -> int:
        """As if another service had written these events; the position of the last one."""
        self.parts.log.append([self._append(event, subject) for event in happened])
        return self.parts.log.head().position

    def happen_unreadably(self, subject: UUID) -> int:
        """Something that nobody can read."""
        entry = Entry(new_id(), Happened.type, 1, subject, clock.now(), '{"counter_id": "a very private text"}')
        stream = f"foreign-{entry.event_id}"
        self.parts.log.append([Append(stream, 0, entry.event_id, b"", NIL, "foreign", NIL, None, (entry,))])
        return self.parts.log.head().position

    def parked(self) -> list[Parked]:
        with reading(self.parts.database) as connection:
            return parking.listed(connection)

    def _append(self, event: Event, subject: UUID | None) -> Append:
        event_id = new_id()
        data = encode(event, event_id, self.parts.vault)
        entry = Entry(event_id, event.type, event.schema_version, subject, clock.now(), data)
        return Append(f"foreign-{event_id}", 0, event_id, b"", NIL, "foreign", event_id, None, (entry,))

    def heard(self, counter_id: UUID, of: type[Event]) -> int:
        """How many events of that type the toy's directory holds of this counter, all of them in order."""
        with reading(self.parts.database) as connection:
            row = Rows(self.directory, connection).one(COUNTERS, counter_id, of.type)
        assert row is None or row["in_order"]
        return row["times"] if row else 0

    def checkpoint(self) -> int:
        with reading(self.parts.database) as connection:
            return self.directory.checkpoint(connection)

    def told(self) -> int:
        """Up to here the broker has confirmed every event, and the relay has noted it."""
        with self._telling() as connection:
            return int(connection.execute(select(relay.checkpoints.c.position)).scalar_one())

    def tell_again_after(self, position: int) -> None:
        """As if the relay had not noted more before it was killed."""
        with self._telling() as connection:
            connection.execute(update(relay.checkpoints).values(position=position))

    @contextmanager
    def _telling(self) -> Iterator[Connection]:
        parts = Parts(self.settings, "relay")
        try:
            with writing(parts.database) as connection:
                yield connection
        finally:
            parts.close()

    def consumers(self, queue: str) -> int:
        """How many wait at this queue; 0 when there is no such queue."""
        try:
            with broker.connected(self.broker_url) as connection:
                return int(connection.channel().queue_declare(queue, passive=True).consumer_count)
        except Unavailable:
            return 0

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self.parts.close()


@contextmanager
def staged(database_url: str, broker_url: str, folder: Path) -> Iterator[Stage]:
    stage = Stage(database_url, broker_url, folder)
    try:
        yield stage
    finally:
        stage.close()


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.02)

"""A platform to torment: servers and processes of its own, in a folder of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import make_url

from deploy.fleet import PROCESSES, Fleet, free_ports
from deploy.servers import Servers, held
from deploy.servers.server import LOCAL
from deploy.servers.toxiproxy import Toxiproxy
from services.assembly import SERVICES, assemble
from services.gateway.views import projections
from shared import relay
from shared.database import reading, snapshot, writing
from shared.log import Head, Recorded
from shared.parts import Parts
from shared.projection import Projection, catch_up
from shared.settings import Settings
from tests.chaos.disk import Disk
from tests.chaos.witness import Witness

SUFFIX = "_beside"
READ_AT_ONCE = 1000


@dataclass(frozen=True)
class Place:
    """`disks`, by the server's name, of those that have one of their own: without root, nobody."""

    servers: Servers
    fleet: Fleet
    witness: Witness
    between: Toxiproxy
    disks: Mapping[str, Disk]

    @property
    def broker_url(self) -> str:
        return self.servers.environment["MENTORING_BROKER_URL"]

    @property
    def database_url(self) -> str:
        return self.servers.environment["MENTORING_DATABASE_URL"]

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.database_url, broker_url=self.broker_url, secrets_dir=self.fleet.folder / "secrets"
        )

    def await_all(self) -> None:
        """Until every process is ready."""
        for process in self.fleet.processes.values():
            process.wait()

    def look(self) -> "Look":
        return Look(self)


class Look:
    """Past every process, straight into the databases. A context."""

    def __init__(self, place: Place) -> None:
        self._url = place.database_url
        self._host = Parts(place.settings, "views")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.callback(self._host.close)
        views = projections(self._host.vault)
        self._projections: list[tuple[Parts, Projection]] = [(self._host, projection) for projection in views]
        for name in SERVICES:
            parts = self._parts_of(name)
            self._projections.append((parts, parts.runtime(assemble(name, parts)).directory))
        self._relay = self._parts_of("relay")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _parts_of(self, owner: str) -> Parts:
        parts = self._host.of(owner)
        self._stack.callback(parts.close)
        return parts

    def head(self) -> Head:
        return self._host.log.head()

    def log(self) -> list[Recorded]:
        events: list[Recorded] = []
        while batch := self._host.log.read(len(events), READ_AT_ONCE):
            events += batch
        return events

    def behind(self, head: int) -> list[str]:
        """What does not cover the log up to there."""
        reached = {
            f"the tables of {projection.name}": self._checkpoint(parts, projection)
            for parts, projection in self._projections
        }
        with reading(self._relay.database) as connection:
            reached["the relay"] = relay._checkpoint(connection)
        return [f"{name}: {position} of {head}" for name, position in reached.items() if position != head]

    def differing(self, head: int) -> list[str]:
        """Tables of which a rebuild beside them has other rows."""
        return [
            f"{projection.name}: {table}"
            for parts, projection in self._projections
            for table in self._differing(parts, projection, head)
        ]

    def claims(self) -> frozenset[tuple[str, str]]:
        url = make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
        query = "SELECT key, holder FROM log.claims WHERE key LIKE 'pair:%' OR key LIKE 'capacity:%'"
        with psycopg.connect(url) as connection:
            return frozenset((key, holder) for key, holder in connection.execute(query))

    @staticmethod
    def _checkpoint(parts: Parts, projection: Projection) -> int:
        with reading(parts.database) as connection:
            return projection.checkpoint(connection)

    def _differing(self, parts: Parts, projection: Projection, head: int) -> list[str]:
        beside = projection.beside(SUFFIX)
        with writing(parts.database) as connection:
            beside.install(connection)
            for _ in catch_up(beside, connection, self._host.log, head):
                pass
        with snapshot(parts.database) as connection:
            live, rebuilt = projection.digests(connection), beside.digests(connection)
        with writing(parts.database) as connection:
            beside.drop(connection)
        return [name for name in live if live[name] != rebuilt[name]]


@contextmanager
def placed(folder: Path) -> Iterator[Place]:
    """Everything starts, the witness before there is anything to hear; what runs is stopped at the end."""
    first = free_ports(6 + len(PROCESSES) * 3)
    servers = Servers(folder / "servers", {"postgres": first, "rabbitmq": first + 1, "minio": first + 4})
    between = Toxiproxy(folder / "servers", first + 5)
    with ExitStack() as stack:
        small = (servers.postgres, servers.rabbitmq) if os.geteuid() == 0 else ()
        disks = {server.name: stack.enter_context(Disk(server.folder)) for server in small}
        stack.enter_context(held(servers))
        stack.callback(between.stop)
        between.start()
        special = {name: _proxied(name, servers, between, first + 6 + 3 * n) for n, name in enumerate(PROCESSES)}
        witness = stack.enter_context(Witness(servers.environment["MENTORING_BROKER_URL"]))
        fleet = Fleet(servers.environment, folder / "platform", free_ports(), special)
        yield Place(servers, stack.enter_context(fleet), witness, between, disks)


def _proxied(process: str, servers: Servers, between: Toxiproxy, port: int) -> dict[str, str]:
    """Each server as this process sees it: through a proxy of its own, on `port` and the two after it."""
    settings: dict[str, str] = {}
    for listen, server in enumerate(servers, start=port):
        between.put_between(f"{process}-{server.name}", listen, server.port)
        for name, value in server.settings().items():
            settings[name] = value.replace(f"{LOCAL}:{server.port}", f"{LOCAL}:{listen}")
    return settings

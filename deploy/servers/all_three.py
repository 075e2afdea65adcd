"""The three servers together."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from deploy.servers.minio import MinIO
from deploy.servers.postgres import PostgreSQL
from deploy.servers.rabbitmq import RabbitMQ
from deploy.servers.server import Server, owner_only

DEFAULT_FOLDER = Path(__file__).parents[2] / "var" / "servers"
PORTS_OF_A_SET = 10


class Servers:
    """Ports by server name; those not given are the servers' own defaults."""

    def __init__(self, folder: Path, ports: Mapping[str, int] | None = None) -> None:
        self.folder = folder
        chosen = {kind.name: kind.default_port for kind in (PostgreSQL, RabbitMQ, MinIO)} | dict(ports or {})
        self.postgres = PostgreSQL(folder, chosen["postgres"])
        self.rabbitmq = RabbitMQ(folder, chosen["rabbitmq"])
        self.minio = MinIO(folder, chosen["minio"])

    @classmethod
    def from_environment(cls) -> "Servers":
        """By MENTORING_SERVERS_DIR and MENTORING_{POSTGRES,RABBITMQ,MINIO}_PORT."""
        folder = Path(os.environ.get("MENTORING_SERVERS_DIR", DEFAULT_FOLDER))
        named = {kind.name: os.environ.get(kind.port_setting) for kind in (PostgreSQL, RabbitMQ, MinIO)}
        return cls(folder, {name: int(port) for name, port in named.items() if port})

    def beside(self, number: int) -> "Servers":
        """Another set: in a folder and on ports of its own."""
        ports = {server.name: server.port + number * PORTS_OF_A_SET for server in self}
        return Servers(self.folder.with_name(f"{self.folder.name}-{number}"), ports) if number else self

    def __iter__(self) -> Iterator[Server]:
        return iter((self.postgres, self.rabbitmq, self.minio))

    @cached_property
    def environment(self) -> dict[str, str]:
        """The settings by which the platform finds them."""
        return {name: value for server in self for name, value in server.settings().items()}

    @property
    def settings_file(self) -> Path:
        return self.folder / "servers.env"

    def install(self) -> None:
        """Get what is missing on this machine; this may take minutes. Raises ServerMissing."""
        for server in self:
            server.install()

    def locate(self) -> None:
        """Raises ServerMissing."""
        for server in self:
            server.locate()

    def up(self) -> list[Server]:
        """Start those that do not run, all at once; the ones that it started. Raises ServerFailed, ServerMissing."""
        self.locate()
        with self._alone():
            down = [server for server in self if not server.running]
            _together(self, lambda server: server.start())
            self._write_settings()
        return down

    def down(self) -> None:
        """Their data stay."""
        with self._alone():
            _together(self, lambda server: server.stop())
            self.settings_file.unlink(missing_ok=True)

    def _write_settings(self) -> None:
        lines = [f"{name}={value}\n" for name, value in self.environment.items()]
        with open(self.settings_file, "w", opener=owner_only) as file:
            file.writelines(lines)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops them meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextmanager
def held(servers: Servers) -> Iterator[Servers]:
    """They run within; those that did not run before are stopped again."""
    servers.locate()
    down = [server for server in servers if not server.running]
    try:
        servers.up()
        yield servers
    finally:
        _together(down, lambda server: server.stop())


def _together(servers: Iterable[Server], act: Callable[[Server], None]) -> None:
    with ThreadPoolExecutor() as pool:
        for result in [pool.submit(act, server) for server in servers]:
            result.result()

"""Where a benchmark runs: empty databases and brokers on the local servers, gone after it."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import psycopg
from sqlalchemy import make_url

from deploy.fresh import fresh_database, fresh_vhost
from deploy.servers import Server, Servers

T = TypeVar("T")


class Place:
    """What is asked for ends with the benchmark; a server that had to be started, with the whole run."""

    def __init__(self, servers: Servers, whole: ExitStack, own: ExitStack) -> None:
        self._servers = servers
        self._whole = whole
        self._own = own

    def database(self) -> str:
        """The administrator's URL of an empty database."""
        self._start(self._servers.postgres)
        return self.keep(fresh_database(self._servers))

    def broker(self) -> str:
        """The URL of an empty virtual host."""
        self._start(self._servers.rabbitmq)
        return self.keep(fresh_vhost(self._servers))

    def folder(self) -> Path:
        return Path(self.keep(TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))

    def keep(self, context: AbstractContextManager[T]) -> T:
        """Enters a context that ends with the benchmark."""
        return self._own.enter_context(context)

    def _start(self, server: Server) -> None:
        if not server.running:
            server.install()
            server.start()
            self._whole.callback(server.stop)


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(plain(url), autocommit=True)


def plain(url: str) -> str:
    """As psycopg understands it, which knows nothing of SQLAlchemy's drivers."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

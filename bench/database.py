"""A PostgreSQL of the benchmarks' own, with a new database for whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from deploy.servers.postgres import PostgreSQL

FOLDER = Path(__file__).parent.parent / "var" / "bench" / "servers"
PORT = 15442


@contextmanager
def running() -> Iterator["Database"]:
    server = PostgreSQL(FOLDER, PORT)
    server.install()
    was_running = server.running
    server.start()
    try:
        yield Database(server.settings()["MENTORING_DATABASE_URL"])
    finally:
        if not was_running:
            server.stop()


class Database:
    def __init__(self, url: str) -> None:
        self._url = url

    def connect(self, url: str = "") -> psycopg.Connection:
        return psycopg.connect(plain(url or self._url), autocommit=True)

    def fresh(self, name: str) -> str:
        """The URL of a new, empty database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)


def plain(url: str) -> str:
    """As psycopg understands it, which knows nothing of SQLAlchemy's drivers."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

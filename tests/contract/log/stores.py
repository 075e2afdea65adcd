"""Where the contract is kept: each kind of storage, as it is and behind group commit."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from shared.log import EventLog, install_log
from shared.log.group_commit import GroupCommit
from shared.log.memory import MemoryLog
from shared.log.postgres import PostgresLog, open_engine
from shared.log.sqlite import SqliteLog

POSTGRES = pytest.param("postgres", marks=pytest.mark.servers)
ALL = ("memory", "sqlite", POSTGRES)

only_postgres = pytest.mark.parametrize("kind", [POSTGRES], indirect=True)
only_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
on_disk = pytest.mark.parametrize("kind", ["sqlite", POSTGRES], indirect=True)
ungrouped = pytest.mark.parametrize("grouped", [False], ids=["plain"], indirect=True)


@dataclass
class Store:
    """`open` gives another log over the same storage, as a second process would have it (in memory: the same one).

    `falsify` changes the data of one event, and `lose` removes one, around every protection.
    """

    kind: str
    open_plain: Callable[[], EventLog]
    falsify: Callable[[int, str], None]
    lose: Callable[[int], None]
    grouped: bool = False
    url: str = ""
    path: Path = Path()
    _opened: list[EventLog] = field(default_factory=list)

    def open(self) -> EventLog:
        log = self.open_plain()
        self._opened.append(GroupCommit(log) if self.grouped else log)
        return self._opened[-1]

    def close(self) -> None:
        for log in self._opened:
            log.close()


def in_memory() -> Iterator[Store]:
    log = MemoryLog()

    def falsify(position: int, data: str) -> None:
        log._events[position - 1] = log._events[position - 1]._replace(data=data)

    def lose(position: int) -> None:
        del log._events[position - 1]

    yield Store("memory", lambda: log, falsify, lose)


def in_sqlite(folder: Path) -> Iterator[Store]:
    install_log(f"sqlite:///{folder}")
    path = folder / "log.db"

    def unprotected(statement: str, *parameters: object) -> None:
        connection = sqlite3.connect(path)
        with connection:
            for name in ("events_are_never_updated", "events_are_never_deleted"):
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement, parameters)
        connection.close()
        install_log(f"sqlite:///{folder}")

    yield Store(
        "sqlite",
        lambda: SqliteLog(path, busy=0.5),
        lambda position, data: unprotected("UPDATE events SET data = ? WHERE position = ?", data, position),
        lambda position: unprotected("DELETE FROM events WHERE position = ?", position),
        path=path,
    )


def in_postgres(url: str) -> Iterator[Store]:
    install_log(url)

    def unprotected(statement: str, *parameters: object) -> None:
        with administrator(url) as connection:
            connection.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
            connection.execute(statement, parameters)
            connection.execute("ALTER TABLE log.events ENABLE ALWAYS TRIGGER append_only")

    yield Store(
        "postgres",
        lambda: PostgresLog(open_engine(url)),
        lambda position, data: unprotected("UPDATE log.events SET data = %s WHERE position = %s", data, position),
        lambda position: unprotected("DELETE FROM log.events WHERE position = %s", position),
        url=url,
    )


def administrator(url: str) -> psycopg.Connection:
    return psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    )

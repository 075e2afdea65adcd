"""Nothing is changed and nothing deleted; nobody writes around the append."""

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest

from shared.database import install_owner, log_url
from shared.log import EventLog, install_log, open_log
from shared.log.hashing import Intact, verify
from tests.contract.log.saying import recorded, say, texts
from tests.contract.log.stores import Store, administrator, only_postgres, only_sqlite, ungrouped

CHANGES = ["UPDATE {} SET data = '{{}}'", "DELETE FROM {}", "UPDATE {} SET position = position + 1000"]


@only_sqlite
@ungrouped
@pytest.mark.parametrize("change", [*CHANGES, "INSERT OR REPLACE INTO {0} SELECT * FROM {0} WHERE position = 1"])
def test_the_file_refuses_to_change_an_event(store: Store, change: str) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a", "b"))
    connection = sqlite3.connect(store.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change.format("events"))
    connection.close()
    assert verify(log) == Intact(log.head())


@only_postgres
@ungrouped
@pytest.mark.parametrize("change", [*CHANGES, "TRUNCATE {}"])
@pytest.mark.parametrize("replica", [False, True])
def test_the_database_refuses_even_its_administrator(store: Store, change: str, replica: bool) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a", "b"))
    with administrator(store.url) as connection:
        if replica:
            connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            connection.execute(change.format("log.events").encode())
    assert verify(log) == Intact(log.head())


@pytest.fixture
def guest(store: Store) -> Iterator[psycopg.Connection]:
    """A login that is an owner's role of one service, as `install_log` leaves it."""
    install_owner(store.url, "guests")
    install_log(store.url, ["guests"])
    with administrator(store.url) as connection:
        connection.execute("SET SESSION AUTHORIZATION mentoring_guests")
        yield connection


FORBIDDEN = [
    *(change.format(f"log.{table}") for table in ("events",) for change in CHANGES),
    *(f"DELETE FROM log.{table}" for table in ("head", "receipts", "claims")),
    *(f"TRUNCATE log.{table}" for table in ("events", "head", "receipts", "claims")),
    *(f"INSERT INTO log.{table} SELECT * FROM log.{table}" for table in ("events", "head", "receipts", "claims")),
    "UPDATE log.head SET position = 0",
    "SELECT * FROM log.head FOR UPDATE",
    "BEGIN; LOCK TABLE log.events IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE log.events DISABLE TRIGGER append_only",
    "DROP TRIGGER append_only ON log.events",
    "DROP TABLE log.events",
    "SELECT log.settle('[]')",
    "CREATE TABLE log.events_too (position bigint)",
    "CREATE OR REPLACE FUNCTION log.append(batch json) RETURNS void LANGUAGE sql AS ''",
    "SET ROLE mentoring_log",
    "SET session_replication_role = replica",
]


@only_postgres
@ungrouped
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_service_may_not(log: EventLog, guest: psycopg.Connection, statement: str) -> None:
    recorded(log, say("kitchen", "a", "b"))
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidFunctionDefinition)):
        guest.execute(statement.encode())
    assert verify(log) == Intact(log.head())


@only_postgres
@ungrouped
def test_a_service_may_append_and_read_as_itself(store: Store, guest: psycopg.Connection) -> None:
    log = open_log(log_url(store.url, "guests"))
    recorded(log, say("kitchen", "a"))
    assert texts(log) == ["a"]
    log.close()
    for table in ("events", "head", "receipts", "claims"):
        guest.execute(f"SELECT * FROM log.{table}".encode())


@only_postgres
@ungrouped
def test_a_table_of_the_service_s_own_does_not_get_in_between(log: EventLog, guest: psycopg.Connection) -> None:
    """The function runs with its owner's rights: names in it must not be looked up where its caller can put things."""
    guest.execute("CREATE TEMP TABLE events (position bigint)")
    guest.execute("CREATE TEMP TABLE head AS SELECT * FROM log.head")
    guest.execute("SET search_path = pg_temp, guests")
    guest.execute("SELECT log.append('[]')")
    assert log.head().position == 0


@only_postgres
@ungrouped
def test_a_stranger_may_not_even_read(store: Store) -> None:
    install_owner(store.url, "strangers")
    with administrator(store.url) as connection:
        connection.execute("SET SESSION AUTHORIZATION mentoring_strangers")
        for statement in ("SELECT FROM log.events", "SELECT log.append('[]')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@only_postgres
@ungrouped
def test_installing_again_keeps_what_is_there(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    install_log(store.url)
    recorded(log, say("kitchen", "b", after=1))
    assert verify(log) == Intact(log.head())

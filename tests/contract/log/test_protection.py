"""Nothing is changed and nothing deleted; nobody writes around the append."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from services.assembly import OWNERS, READERS, SERVICES
from shared.database import install_owner, log_url, open_database, owner_url, snapshot
from shared.log import EventLog, install_log, open_log
from shared.log.hashing import Intact, verify
from shared.log.postgres import open_engine
from shared.logins import install_logins, without_user
from shared.refusals import Unavailable
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


@dataclass
class Place:
    """A log that the owners of the platform's tables use, each by its own login."""

    store: Store
    url: str

    def enter(self, owner: str) -> psycopg.Connection:
        return psycopg.connect(owner_url(self.url, owner).replace("+psycopg", "", 1), autocommit=True)

    def open(self, owner: str) -> EventLog:
        return open_log(log_url(self.url, owner))


@pytest.fixture
def place(store: Store, tmp_path: Path) -> Place:
    url = without_user(store.url, tmp_path / "pgpass")
    for owner in OWNERS:
        install_owner(store.url, owner)
    install_log(store.url, SERVICES, READERS)
    install_logins(url, store.url, OWNERS)
    return Place(store, url)


APPEND = "SELECT log.append('[]')"
TABLES = ("events", "head", "receipts", "claims")
FORBIDDEN = [
    *(change.format("log.events") for change in CHANGES),
    *(f"DELETE FROM log.{table}" for table in TABLES),
    *(f"TRUNCATE log.{table}" for table in TABLES),
    *(f"INSERT INTO log.{table} SELECT * FROM log.{table}" for table in TABLES),
    *(f"DROP TABLE log.{table} CASCADE" for table in TABLES),
    *(f"ALTER TABLE log.{table} ADD COLUMN more text" for table in TABLES),
    "UPDATE log.head SET position = 0",
    "SELECT * FROM log.head FOR UPDATE",
    "LOCK TABLE log.events IN ACCESS EXCLUSIVE MODE",
    "COPY log.events FROM STDIN",
    "ALTER TABLE log.events DISABLE TRIGGER append_only",
    "ALTER TABLE log.events OWNER TO CURRENT_USER",
    "DROP TRIGGER append_only ON log.events",
    "CREATE TRIGGER mine BEFORE INSERT ON log.events FOR EACH ROW EXECUTE FUNCTION log.refuse()",
    "CREATE RULE mine AS ON INSERT TO log.events DO INSTEAD NOTHING",
    "CREATE TABLE holding (position bigint REFERENCES log.events)",
    "CREATE INDEX ON log.events (type)",
    "CREATE TABLE log.events_too (position bigint)",
    "DROP SCHEMA log CASCADE",
    "SELECT log.settle('[]')",
    "CREATE OR REPLACE FUNCTION log.append(batch json) RETURNS void LANGUAGE sql AS ''",
    "ALTER FUNCTION log.append(json) SECURITY INVOKER",
    "DROP FUNCTION log.append(json)",
    "CREATE OR REPLACE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "SET ROLE mentoring_log",
    "SET ROLE mentoring",
    "SET ROLE NONE; SET ROLE mentoring_log",
    "SET ROLE NONE; SET ROLE mentoring",
    "SET SESSION AUTHORIZATION mentoring",
    "SET ROLE NONE; SELECT FROM log.events",
    "SET ROLE NONE; ALTER ROLE CURRENT_USER SUPERUSER",
    "SET ROLE NONE; GRANT mentoring_log_writer TO CURRENT_USER",
    "SET ROLE NONE; CREATE ROLE another SUPERUSER",
    "CREATE EXTENSION pageinspect",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
]


def allowed(guest: psycopg.Connection, *statements: str) -> list[str]:
    """Those that were not refused for want of rights."""
    done = []
    for statement in statements:
        try:
            with guest.transaction(force_rollback=True):
                guest.execute(statement.encode())
            done.append(statement)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidFunctionDefinition):
            pass
    return done


@only_postgres
@ungrouped
@pytest.mark.parametrize("owner", OWNERS)
def test_no_owner_may_touch_the_log_but_by_its_function(place: Place, log: EventLog, owner: str) -> None:
    recorded(log, say("kitchen", "a", "b"))
    others = [f"SET ROLE mentoring_{other}" for other in OWNERS if other != owner]
    with place.enter(owner) as guest:
        assert allowed(guest, *FORBIDDEN, *others, *(f"SET ROLE NONE; {other}" for other in others)) == []
    assert verify(log) == Intact(log.head())


@only_postgres
@ungrouped
@pytest.mark.parametrize("owner", OWNERS)
def test_no_owner_may_pass_on_or_take_rights(place: Place, owner: str) -> None:
    """Granting what one does not have is a warning, not an error, for who has other rights."""
    rights = (
        "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'log'::regnamespace"
        " UNION ALL SELECT proname, proacl::text FROM pg_proc WHERE pronamespace = 'log'::regnamespace ORDER BY 1, 2"
    )
    with administrator(place.store.url) as watching, place.enter(owner) as guest:
        before = watching.execute(rights).fetchall()
        for what in ("ALL ON log.events", "SELECT ON log.events", "EXECUTE ON FUNCTION log.append(json)"):
            for whom in ("PUBLIC", f"mentoring_{owner}"):
                with suppress(psycopg.errors.InsufficientPrivilege):
                    guest.execute(f"GRANT {what} TO {whom}".encode())
        assert watching.execute(rights).fetchall() == before


@only_postgres
@ungrouped
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_appends_and_reads(place: Place, service: str) -> None:
    log = place.open(service)
    recorded(log, say("kitchen", "a"))
    assert texts(log) == ["a"]
    log.close()


@only_postgres
@ungrouped
@pytest.mark.parametrize("reader", READERS)
def test_who_only_reads_may_not_append(place: Place, log: EventLog, reader: str) -> None:
    recorded(log, say("kitchen", "a"))
    reading = place.open(reader)
    assert texts(reading) == ["a"]
    assert reading.wait(0, timeout=5)
    reading.close()
    with place.enter(reader) as guest:
        assert allowed(guest, APPEND, *(f"SELECT FROM log.{table}" for table in TABLES)) == [
            f"SELECT FROM log.{table}" for table in TABLES
        ]


@only_postgres
@ungrouped
def test_passwords_are_kept_and_made_anew_where_they_were_deleted(
    place: Place, fresh_database: Callable[[], str]
) -> None:
    kept = Path(str(make_url(place.url).query["passfile"]))
    first = kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    install_logins(place.url, place.store.url, OWNERS)
    assert kept.read_text() == first
    kept.write_text("".join(line for line in first.splitlines(keepends=True) if "goals_of" not in line))
    install_logins(place.url, place.store.url, OWNERS)
    assert len(set(kept.read_text().splitlines()) - set(first.splitlines())) == 1, "only the deleted one is made anew"
    place.enter("goals").close()
    another = place.url.replace(str(make_url(place.url).database), str(make_url(fresh_database()).database))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        Place(place.store, another).enter("goals")


@only_postgres
@ungrouped
def test_a_login_does_not_get_into_another_platforms_database(
    place: Place, fresh_database: Callable[[], str], tmp_path: Path
) -> None:
    neighbours = fresh_database()
    install_owner(neighbours, "goals")
    install_logins(without_user(neighbours, tmp_path / "theirs"), neighbours, ["goals"])
    ours = owner_url(place.url, "goals").replace("+psycopg", "", 1)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(ours, dbname=make_url(neighbours).database)


@only_postgres
@ungrouped
def test_a_table_of_the_services_own_does_not_get_in_between(place: Place, log: EventLog) -> None:
    """The function runs with its owner's rights: names in it must not be looked up where its caller can put things."""
    with administrator(place.store.url) as guest:
        guest.execute("SET SESSION AUTHORIZATION mentoring_goals")
        guest.execute("CREATE TEMP TABLE events (position bigint)")
        guest.execute("CREATE TEMP TABLE head AS SELECT * FROM log.head")
        guest.execute("SET search_path = pg_temp, goals")
        guest.execute(APPEND)
    assert log.head().position == 0


@only_postgres
@ungrouped
def test_a_stranger_may_not_even_read(store: Store) -> None:
    install_owner(store.url, "strangers")
    with administrator(store.url) as connection:
        connection.execute("SET SESSION AUTHORIZATION mentoring_strangers")
        assert allowed(connection, "SELECT FROM log.events", APPEND) == []


LIMITED = {
    "the log": ("10s", "10s", "20s"),
    "its own tables": ("10s", "1min", "5min"),
}


@only_postgres
@ungrouped
@pytest.mark.parametrize("what", LIMITED)
def test_nobody_waits_or_holds_others_up_for_ever(place: Place, what: str) -> None:
    own = open_engine(log_url(place.url, "goals")) if what == "the log" else open_database(place.url, "goals")
    names = ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
    with own.connect() as connection:
        assert tuple(connection.scalar(text(f"SHOW {name}")) for name in names) == LIMITED[what]
    own.dispose()


@only_postgres
@ungrouped
def test_who_reads_a_snapshot_may_take_its_time(place: Place) -> None:
    own = open_database(place.url, "goals")
    with snapshot(own) as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "0"
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"
    own.dispose()


@only_postgres
@ungrouped
def test_an_append_that_finds_the_head_held_is_unavailable_in_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.postgres.LIMITS", "-c lock_timeout=100ms")
    log = place.open("goals")
    with administrator(place.store.url) as holding, holding.transaction():
        holding.execute("SELECT FROM log.head FOR UPDATE")
        with pytest.raises(Unavailable):
            log.append([say("kitchen", "a")])
    recorded(log, say("kitchen", "a"))
    log.close()


@only_postgres
@ungrouped
def test_who_holds_the_head_and_hangs_is_ended(place: Place, log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.log.postgres.LIMITS", "-c idle_in_transaction_session_timeout=100ms")
    hanging = open_engine(log_url(place.url, "goals"))
    with hanging.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(APPEND)
        recorded(log, say("kitchen", "a"))
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql(APPEND)
    hanging.dispose()


@only_postgres
@ungrouped
def test_installing_again_keeps_what_is_there(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    install_log(store.url)
    recorded(log, say("kitchen", "b", after=1))
    assert verify(log) == Intact(log.head())

"""One PostgreSQL schema and role, or one SQLite file, for each owner of tables; nothing joins across owners."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import psycopg
from sqlalchemy import Connection, DateTime, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeDecorator

from shared.refusals import Unavailable

CONNECT_SECONDS = 5
CONNECTIONS = 40  # as many as an application has threads; each is made when it is needed, and then kept
IDLE_SECONDS = 1.0
ALONE = "each_statement_alone"
LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s", "statement_timeout": "5min"}
UNLIMITED = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"


class Timestamp(TypeDecorator[datetime]):
    """An aware moment, read back in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def role_of(owner: str) -> str:
    """Whose the owner's schema and tables are; nobody logs in as it."""
    return f"mentoring_{owner}"


def login_of(database: str, owner: str) -> str:
    """Who logs in for `owner`, to this database only: roles are the whole server's."""
    return f"{owner}_of_{database}"


def owner_url(url: str, owner: str) -> str:
    """Where `owner` keeps its tables: a file in `sqlite:///folder`; on PostgreSQL its schema, as its role. A URL that
    names no user means the owner's own login; one that does, an administrator who takes on the role."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return f"sqlite:///{parsed.database}/{owner}.db"
    if not parsed.username:
        parsed = parsed.set(username=login_of(str(parsed.database), owner))
    limits = " ".join(f"-c {name}={limit}" for name, limit in LIMITS.items())
    options = quote(f"-c search_path={owner} -c role={role_of(owner)} {limits}")
    plain = parsed.render_as_string(hide_password=False)
    return f"{plain}{'&' if parsed.query else '?'}connect_timeout={CONNECT_SECONDS}&options={options}"


def log_url(url: str, owner: str) -> str:
    """Where `owner` finds the log."""
    return owner_url(url, "log" if make_url(url).get_backend_name() == "sqlite" else owner)


def open_database(url: str, owner: str) -> Engine:
    """Its connections commit every statement by itself; whatever is begun within a transaction begins it in so many
    words. So `reading` takes one round trip, and what the server has prepared is not lost with a rollback."""
    engine = create_engine(
        owner_url(url, owner),
        isolation_level="AUTOCOMMIT",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_use_lifo=True,
        json_deserializer=orjson.loads,
    )
    if engine.dialect.name == "sqlite":
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    _ask_the_idle(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with: each statement sees what is committed when it begins. A database that does not answer
    is `Unavailable`."""
    with _available(), engine.connect() as connection:
        yield connection.execution_options(**{ALONE: True})


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection to read with whose statements all see the same moment; it may take its time. SQLite's transactions
    always do."""
    with _available(), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {UNLIMITED}")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction, committed at the end. A database that does not answer is `Unavailable`: nothing is known then
    of whether it committed."""
    with _available(), engine.begin() as connection:
        yield connection


def scrub(engine: Engine, table: Table) -> None:
    """After rows were deleted, or values overwritten, that nobody shall find again: the database lets go of their old
    versions. What of it a disk may still hold, `docs/privacy.md` tells."""
    with reading(engine.execution_options(isolation_level="AUTOCOMMIT")) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f'VACUUM "{table.name}"')
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError) as error:
        raise Unavailable("The database does not answer: try again shortly.") from error


def install_owner(url: str, owner: str) -> None:
    """The owner's schema and role on PostgreSQL; SQLite needs none. `url` is an administrator's."""
    if make_url(url).get_backend_name() == "sqlite":
        return
    engine = create_engine(url)
    role = role_of(owner)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('mentoring.install'))"))
        if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
            connection.execute(text(f"CREATE ROLE {role} NOLOGIN"))
        connection.execute(text(f"GRANT {role} TO CURRENT_USER"))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {owner} AUTHORIZATION {role}"))
    engine.dispose()


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(ALONE):
        connection.exec_driver_sql("BEGIN")


def _ask_the_idle(engine: Engine) -> None:
    """A connection that lay unused for a while is asked whether it still lives; when one is dead, so are the others."""

    @event.listens_for(engine, "checkin")
    def put_back(driver: Any, pooled: Any) -> None:
        pooled.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def take(driver: Any, pooled: Any, _: object) -> None:
        if time.monotonic() - pooled.info.get("idle_since", time.monotonic()) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(driver)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

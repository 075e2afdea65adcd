"""The log in PostgreSQL: reads are plain selects, writing is one call of the function in `postgres.sql`."""

import logging
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from itertools import starmap
from typing import Any, LiteralString, cast
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, PoolProxiedConnection, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from shared.database import role_of
from shared.log.model import (
    Append,
    Appended,
    ClaimTaken,
    Head,
    IdReused,
    Outcome,
    Receipt,
    Recorded,
    Share,
    VersionConflict,
)
from shared.log.waking import Waking
from shared.refusals import Unavailable

logger = logging.getLogger(__name__)

WRITER, READER = "log_writer", "log_reader"
LIMITS = "-c statement_timeout=20s -c lock_timeout=10s -c idle_in_transaction_session_timeout=10s"

_EVENTS: LiteralString = (
    "SELECT position, event_id, stream, version, type, schema_version, subject, program, actor, command_id,"
    " correlation_id, causation_id, occurred_at, recorded_at, data, hash FROM log.events "
)


def open_engine(url: str) -> Engine:
    """Connections for the log: as a writer, unless the URL names another role, in UTC, every statement for itself.
    Whoever holds the head too long, because its process hangs, is ended: everybody else waits for it."""
    parsed = make_url(url)
    given = str(parsed.query.get("options", ""))
    role = "" if "role=" in given else f"-c role={role_of(WRITER)}"
    return create_engine(
        parsed.update_query_dict({"options": f"{given} {role} -c timezone=UTC {LIMITS}".strip()}),
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        connect_args={"connect_timeout": 5, "tcp_user_timeout": 10_000},
    )


class PostgresLog:
    """Over an engine of `open_engine`.

    Raises `Unavailable` when the server cannot be had, or was lost on the way: what became of an append is then
    unknown, and the same command may be sent again. A connection lost while it lay idle is replaced without a word.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._losses = 0
        self._waking = Waking(self._connect)

    def install(self, writers: Sequence[str] = (), readers: Sequence[str] = ()) -> None:
        """Needs an administrator's engine. The roles of `writers` may append and read, those of `readers` read only."""
        connection = self._connect()
        with connection, connection.transaction():
            connection.execute(files("shared.log").joinpath("postgres.sql").read_bytes())
            for owner in writers:
                connection.execute(_between(owner, "GRANT {} TO {}", WRITER))
            for owner in readers:
                connection.execute(_between(owner, "REVOKE {} FROM {}", WRITER))
                connection.execute(_between(owner, "GRANT {} TO {}", READER))

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        rows = self._rows("SELECT * FROM log.append(%s)", orjson.dumps(batch, default=bytes.hex).decode())
        self._waking.appended(max((last for _, _, last, _, _ in rows if last), default=0))
        return list(starmap(_outcome, rows))

    def receipts(self, command_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
        rows = self._rows(
            "SELECT command_id, stream, digest, first, last, version FROM log.receipts WHERE command_id = ANY(%s)",
            list(command_ids),
        )
        return {command_id: Receipt(*receipt) for command_id, *receipt in rows}

    def read(
        self, after: int, limit: int = 1000, types: Sequence[str] | None = None, share: Share | None = None
    ) -> list[Recorded]:
        condition: LiteralString = "WHERE position > %s AND position <= %s"
        parameters: list[Any] = [after, after + limit]
        if types is not None:
            condition += " AND type = ANY(%s)"
            parameters.append(list(types))
        if share is not None:
            condition += " AND CASE WHEN subject IS NULL THEN 0 ELSE get_byte(uuid_send(subject), 15) END %% %s = %s"
            parameters += [share.of, share.number]
        return self._events(condition + " ORDER BY position", *parameters)

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        found: dict[str, list[Recorded]] = {name: [] for name in names}
        for recorded in self._events("WHERE stream = ANY(%s) ORDER BY stream, version", list(names)):
            found[recorded.stream].append(recorded)
        return found

    def of_subject(self, subject: UUID, *, until: datetime | None = None) -> list[Recorded]:
        if until is None:
            return self._events("WHERE subject = %s ORDER BY position", subject)
        return self._events("WHERE subject = %s AND recorded_at <= %s ORDER BY position", subject, until)

    def find(self, event_id: UUID) -> Recorded | None:
        return next(iter(self._events("WHERE event_id = %s", event_id)), None)

    def head(self) -> Head:
        return Head(*self._rows("SELECT position, hash FROM log.head")[0])

    def wait(self, after: int, timeout: float) -> bool:
        if timeout <= 0 or not self._waking.hearing:
            self._waking.see(self.head().position)
        return self._waking.wait(after, timeout)

    def close(self) -> None:
        self._waking.close()
        self._engine.dispose()

    def _events(self, condition: LiteralString, *parameters: Any) -> list[Recorded]:
        return list(map(Recorded._make, self._rows(_EVENTS + condition, *parameters)))

    def _rows(self, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Tried once more on a new connection when the pooled one turns out to be dead."""
        try:
            return self._query(query, parameters)
        except _Lost:
            self._losses += 1
        try:
            return self._query(query, parameters)
        except _Lost as lost:
            raise _unavailable(lost) from lost

    def _query(self, query: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        pooled = self._pooled()
        connection = _driver(pooled)
        try:
            return connection.execute(query, parameters, binary=True).fetchall()
        except psycopg.OperationalError as error:
            raise _Lost(str(error)) if connection.closed else _unavailable(error) from error
        finally:
            if connection.info.transaction_status != TransactionStatus.IDLE:
                pooled.invalidate()
            pooled.close()

    def _pooled(self) -> PoolProxiedConnection:
        """Made after the last loss: when one connection breaks, those that lie idle are dead as well."""
        while True:
            try:
                pooled = self._engine.raw_connection()
            except (psycopg.OperationalError, DBAPIError, PoolExhausted) as error:
                raise _unavailable(error) from error
            if pooled.info.setdefault("losses", self._losses) == self._losses:
                return pooled
            pooled.invalidate()
            pooled.close()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of one's own."""
        pooled = self._pooled()
        connection = _driver(pooled)
        pooled.detach()
        return connection


class _Lost(Exception):
    """The connection broke."""


def _between(owner: str, change: LiteralString, group: str) -> sql.Composed:
    return sql.SQL(change).format(sql.Identifier(role_of(group)), sql.Identifier(role_of(owner)))


def _driver(pooled: PoolProxiedConnection) -> psycopg.Connection[tuple[Any, ...]]:
    return cast("psycopg.Connection[tuple[Any, ...]]", pooled.driver_connection)


def _unavailable(error: Exception) -> Unavailable:
    """The client is told no more than that; the process's own log tells why."""
    logger.warning("the log's database does not answer", extra={"reason": str(error)})
    return Unavailable("The log's database does not answer.")


def _outcome(outcome: str, first: int, last: int, version: int, taken: str) -> Outcome:
    match outcome:
        case "recorded":
            return Appended(first, last, version)
        case "repeated":
            return Appended(first, last, version, repeated=True)
        case "conflict":
            return VersionConflict(version)
        case "taken":
            return ClaimTaken(taken)
        case _:
            return IdReused()

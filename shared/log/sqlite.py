"""The log in one SQLite file, shared by any number of threads and processes of one machine."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from uuid import UUID

from shared import clock
from shared.log.hashing import fields_of, microseconds, moment
from shared.log.judging import judge
from shared.log.model import Append, Head, Outcome, Receipt, Recorded, Share
from shared.refusals import Unavailable

BUSY = 5.0
POLL = 0.05

_SELECT = f"SELECT {', '.join(Recorded._fields)} FROM events"
_INSERT = f"INSERT INTO events VALUES ({', '.join('?' * len(Recorded._fields))})"


class SqliteLog:
    """Raises `Unavailable` when the file cannot be had: another process writes for `busy` seconds, the disk is full."""

    def __init__(self, path: Path | str, busy: float = BUSY) -> None:
        self._path = str(path)
        self._busy = busy
        self._idle: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._closed = False

    def install(self) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(files("shared.log").joinpath("sqlite.sql").read_text())

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        with self._writing, self._connection() as connection, _transaction(connection):
            position, hash, recorded_at = connection.execute("SELECT position, hash, recorded_at FROM head").fetchone()
            now = max(clock.now(), moment(recorded_at))
            outcomes, head = judge(_Books(connection), batch, Head(position, hash), now)
            if head.position > position:
                connection.execute(
                    "UPDATE head SET position = ?, hash = ?, recorded_at = ?",
                    (head.position, head.hash, microseconds(now)),
                )
        with self._changed:
            self._changed.notify_all()
        return outcomes

    def receipts(self, command_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
        with self._connection() as connection:
            books = _Books(connection)
            return {id: receipt for id in command_ids if (receipt := books.receipt(id)) is not None}

    def read(
        self, after: int, limit: int = 1000, types: Sequence[str] | None = None, share: Share | None = None
    ) -> list[Recorded]:
        among = "" if types is None else f"AND type IN ({', '.join('?' * len(types))})"
        condition = f"WHERE position > ? AND position <= ? {among} ORDER BY position"
        events = self._select(condition, after, after + limit, *(types or ()))
        return events if share is None else [event for event in events if share.has(event.subject)]

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        return {name: self._select("WHERE stream = ? ORDER BY version", name) for name in names}

    def of_subject(self, subject: UUID, *, until: datetime | None = None) -> list[Recorded]:
        if until is None:
            return self._select("WHERE subject = ? ORDER BY position", subject.bytes)
        return self._select(
            "WHERE subject = ? AND recorded_at <= ? ORDER BY position", subject.bytes, microseconds(until)
        )

    def find(self, event_id: UUID) -> Recorded | None:
        return next(iter(self._select("WHERE event_id = ?", event_id.bytes)), None)

    def head(self) -> Head:
        with self._connection() as connection:
            return Head(*connection.execute("SELECT position, hash FROM head").fetchone())

    def wait(self, after: int, timeout: float) -> bool:
        """Woken by this object's own appends; those of others are seen by looking every `POLL` seconds."""
        until = time.monotonic() + timeout
        with self._changed:
            while self.head().position <= after:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, POLL))
        return True

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _select(self, condition: str, *parameters: object) -> list[Recorded]:
        with self._connection() as connection:
            rows = connection.execute(f"{_SELECT} {condition}", parameters).fetchall()
        return [_recorded(*row) for row in rows]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle_one() or self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            connection.close() if self._closed else self._idle.append(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise
            raise Unavailable("The log's file cannot be used right now.") from error

    def _idle_one(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._busy, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        return connection


class _Books:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def receipt(self, command_id: UUID) -> Receipt | None:
        row = self._execute(
            "SELECT stream, digest, first, last, version FROM receipts WHERE command_id = ?", (command_id.bytes,)
        ).fetchone()
        return row and Receipt(*row)

    def version(self, stream: str) -> int:
        (version,) = self._execute(
            "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", (stream,)
        ).fetchone()
        return int(version)

    def holders(self, key: str) -> set[str]:
        return {holder for (holder,) in self._execute("SELECT holder FROM claims WHERE key = ?", (key,))}

    def hold(self, key: str, holders: set[str]) -> None:
        self._execute("DELETE FROM claims WHERE key = ?", (key,))
        for holder in holders:
            self._execute("INSERT INTO claims VALUES (?, ?)", (key, holder))

    def keep(self, command_id: UUID, receipt: Receipt) -> None:
        self._execute(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?)",
            (command_id.bytes, receipt.stream, receipt.digest, receipt.first, receipt.last, receipt.version),
        )

    def record(self, recorded: Recorded) -> None:
        self._execute(_INSERT, (*map(_stored, fields_of(recorded)), recorded.hash))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _stored(field: object) -> object:
    if isinstance(field, UUID):
        return field.bytes
    return microseconds(field) if isinstance(field, datetime) else field


def _recorded(
    position: int,
    event_id: bytes,
    stream: str,
    version: int,
    type: str,
    schema_version: int,
    subject: bytes | None,
    program: bytes,
    actor: str,
    command_id: bytes,
    correlation_id: bytes,
    causation_id: bytes | None,
    occurred_at: int,
    recorded_at: int,
    data: str,
    hash: bytes,
) -> Recorded:
    return Recorded(
        position,
        UUID(bytes=event_id),
        stream,
        version,
        type,
        schema_version,
        UUID(bytes=subject) if subject else None,
        UUID(bytes=program),
        actor,
        UUID(bytes=command_id),
        UUID(bytes=correlation_id),
        UUID(bytes=causation_id) if causation_id else None,
        moment(occurred_at),
        moment(recorded_at),
        data,
        hash,
    )

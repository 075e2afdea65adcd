"""Signed heads over the log's hash tree, and proofs by which anyone checks them. Off the path of those who append.

Entry n of the tree (`shared/log/merkle.py`) is the 32-byte hash of the event at position n. A head says how many events
there are and what root they have. All that were ever signed are kept: who keeps one elsewhere can have it proved at any
time that the log still begins with the same events.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from prometheus_client import Gauge
from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, LargeBinary, MetaData, Table, insert, select
from sqlalchemy import update as change
from sqlalchemy.dialects import postgresql, sqlite

from shared import clock
from shared.database import Timestamp, reading, writing
from shared.log import EventLog
from shared.log.merkle import HASH_BYTES, Tile, Tiles, consistency, edge_of, inclusion

logger = logging.getLogger(__name__)

HEAD_SECONDS = 5.0
IDLE_SECONDS = 1.0
BATCH = 2000

metadata = MetaData()
trees = Table(
    "tree",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
)
tiles = Table(
    "tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)
heads = Table(
    "heads",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("signed_at", Timestamp, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

SIGNED = Gauge("mentoring_signed_events", "How many events the newest signed head covers")


class HistoryChanged(RuntimeError):
    """The log lacks events that were there: nothing is signed until somebody has looked."""


@dataclass(frozen=True)
class SignedHead:
    """The log's first `size` events have this `root`. `signature` is Ed25519 over `text`."""

    size: int
    root: bytes
    signed_at: datetime
    signature: bytes = b""

    @property
    def text(self) -> bytes:
        """Four lines, each with its end."""
        moment = self.signed_at.isoformat(timespec="microseconds")
        return f"log head\n{self.size}\n{self.root.hex()}\n{moment}\n".encode()

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(self.signature, self.text)
        except InvalidSignature:
            return False
        return True


class Proofs:
    """What was signed, and proofs about it. Sizes and positions are the same numbers: the first event's is 1."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def install(self) -> None:
        with writing(self._database) as connection:
            metadata.create_all(connection)
            if connection.scalar(select(trees.c.size)) is None:
                connection.execute(insert(trees).values(one=1, size=0))

    def newest(self) -> SignedHead | None:
        with reading(self._database) as connection:
            row = connection.execute(select(heads).order_by(heads.c.size.desc()).limit(1)).one_or_none()
        return None if row is None else SignedHead(*row)

    def heads(self, after: int = 0, limit: int = 500) -> list[SignedHead]:
        """Those of more than `after` events, the smallest first."""
        query = select(heads).where(heads.c.size > after).order_by(heads.c.size).limit(limit)
        with reading(self._database) as connection:
            return [SignedHead(*row) for row in connection.execute(query)]

    def size(self) -> int:
        """Of the tree: as many events or a few more than the newest head covers."""
        with reading(self._database) as connection:
            return int(connection.scalar(select(trees.c.size)) or 0)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        with reading(self._database) as connection:
            return inclusion(_tiles_of(connection), position - 1, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        with reading(self._database) as connection:
            return consistency(_tiles_of(connection), first, second)

    def tile(self, level: int, number: int) -> list[bytes]:
        with reading(self._database) as connection:
            return _tile(connection, level, number)


class Notary(Proofs):
    """Keeps the tree up with the log and signs its heads. Several do no harm: they take turns."""

    def __init__(self, database: Engine, key: Ed25519PrivateKey) -> None:
        super().__init__(database)
        self._key = key

    def keep(self, log: EventLog, stop: threading.Event) -> None:
        """Until stopped: a head as soon as the log has grown, but no more than one every `HEAD_SECONDS`."""
        while not stop.is_set():
            head = self.sign(log)
            SIGNED.set(head.size if head else 0)
            stop.wait(HEAD_SECONDS)
            while not stop.is_set() and not log.wait(head.size if head else 0, IDLE_SECONDS):
                pass

    def sign(self, log: EventLog) -> SignedHead | None:
        """The head over all that the log has now; None for an empty one. Raises `HistoryChanged`."""
        until = log.head().position
        while self.size() < until:
            self._grow(log)
        with writing(self._database) as connection:
            size = _lock(connection)
            if size > log.head().position:
                raise HistoryChanged(f"the log ends at {log.head().position}, but had {size} events")
            newest = connection.execute(select(heads).order_by(heads.c.size.desc()).limit(1)).one_or_none()
            if size == (newest.size if newest else 0):
                return SignedHead(*newest) if newest else None
            unsigned = SignedHead(size, edge_of(_tiles_of(connection), size).root(), clock.now())
            head = SignedHead(unsigned.size, unsigned.root, unsigned.signed_at, self._key.sign(unsigned.text))
            row = {"size": head.size, "root": head.root, "signed_at": head.signed_at, "signature": head.signature}
            connection.execute(insert(heads).values(row))
            return head

    def _grow(self, log: EventLog) -> None:
        """By a batch. Raises `HistoryChanged` when the log does not go on where the tree ends."""
        with writing(self._database) as connection:
            size = _lock(connection)
            batch = log.read(size, BATCH)
            if not batch:
                return
            if batch[0].position != size + 1 or batch[-1].position != size + len(batch):
                raise HistoryChanged(f"the log has no event at {size + 1}, or misses one soon after it")
            edge = edge_of(_tiles_of(connection), size)
            changed = [tile for recorded in batch for tile in edge.add(recorded.hash)]
            changed += edge.unfinished()
            _put(connection, changed)
            connection.execute(change(trees).values(size=edge.size))


def _lock(connection: Connection) -> int:
    """The tree's size, held until the transaction ends."""
    connection.execute(change(trees).values(size=trees.c.size))
    return int(connection.scalar(select(trees.c.size)) or 0)


def _tiles_of(connection: Connection) -> Tiles:
    read: dict[tuple[int, int], list[bytes]] = {}

    def find(level: int, number: int) -> list[bytes]:
        if (level, number) not in read:
            read[level, number] = _tile(connection, level, number)
        return read[level, number]

    return find


def _tile(connection: Connection, level: int, number: int) -> list[bytes]:
    query = select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.number == number)
    hashes: bytes = connection.scalar(query) or b""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def _put(connection: Connection, changed: Sequence[Tile]) -> None:
    rows = {(level, number): b"".join(hashes) for level, number, hashes in changed}
    statement: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(tiles)
    grown = {"hashes": statement.excluded.hashes}
    values = [{"level": level, "number": number, "hashes": hashes} for (level, number), hashes in rows.items()]
    connection.execute(statement.on_conflict_do_update(index_elements=["level", "number"], set_=grown), values)

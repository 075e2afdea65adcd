"""Tables folded from the log: the gateway's views and each service's directory. Any of them can be deleted and rebuilt.

A `View` says which rows an event concerns and what each becomes; a `Projection` folds batches of events into a set of
views and moves its checkpoint in the same transaction. Following live and rebuilding are this one function.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from shared.log import EventLog, Recorded
from shared.messages import Catalogue, Event, Sealer

Key = tuple[Any, ...]
Row = Mapping[str, Any]

KEYS_IN_ONE_QUERY = 400


class Gap(ValueError):
    """Events are missing between the checkpoint and these."""


@dataclass(frozen=True)
class View:
    """A table and its fold.

    `keys(event, recorded)` gives the primary keys of the rows that the event concerns; `evolve(row, event, recorded)`
    gives what such a row becomes: a whole row, or None to have none. Both are pure.
    """

    name: str
    columns: tuple[Column[Any], ...]
    keys: Callable[[Event, Recorded], Iterable[Key]]
    evolve: Callable[[Row | None, Event, Recorded], Row | None]
    indexes: tuple[tuple[str, ...], ...] = ()

    def table(self, metadata: MetaData, suffix: str = "") -> Table:
        name = self.name + suffix
        indexes = [Index(f"{name}_by_{'_'.join(columns)}", *columns) for columns in self.indexes]
        return Table(name, metadata, *(column._copy() for column in self.columns), *indexes)


class Projection:
    """`views` of the events in `catalogue`; with a `sealer`, personal values arrive opened (and stand in plain).

    `suffix` names a second set of the same tables, for a rebuild beside the live ones.
    """

    def __init__(
        self, name: str, views: Sequence[View], catalogue: Catalogue, sealer: Sealer | None = None, suffix: str = ""
    ) -> None:
        self.name = name
        self.views = tuple(views)
        self.catalogue = catalogue
        self.sealer = sealer
        self.suffix = suffix
        self.metadata = MetaData()
        self.tables = {view.name: view.table(self.metadata, suffix) for view in views}
        self.checkpoints = Table(
            "checkpoints" + suffix,
            self.metadata,
            Column("name", String(100), primary_key=True),
            Column("position", BigInteger, nullable=False),
        )

    def beside(self, suffix: str) -> "Projection":
        return Projection(self.name, self.views, self.catalogue, self.sealer, suffix)

    def install(self, connection: Connection) -> None:
        self.metadata.create_all(connection)
        if connection.scalar(select(self.checkpoints.c.position).where(self.checkpoints.c.name == self.name)) is None:
            connection.execute(insert(self.checkpoints).values(name=self.name, position=0))

    def drop(self, connection: Connection) -> None:
        self.metadata.drop_all(connection)

    def checkpoint(self, connection: Connection) -> int:
        query = select(self.checkpoints.c.position).where(self.checkpoints.c.name == self.name)
        return connection.scalar(query) or 0

    def lock(self, connection: Connection) -> int:
        """The checkpoint, held until the transaction ends: one follower at a time."""
        mine = self.checkpoints.c.name == self.name
        connection.execute(update(self.checkpoints).where(mine).values(position=self.checkpoints.c.position))
        return self.checkpoint(connection)

    def apply(self, connection: Connection, batch: Sequence[Recorded], without: Collection[int] = ()) -> int:
        """Fold what follows the checkpoint and move it; what is at or below it is a repeat. Returns the checkpoint.

        It passes over the positions in `without`, which are to be folded later. Raises `Gap` when the batch leaves one
        after the checkpoint.
        """
        checkpoint = self.lock(connection)
        fresh = [recorded for recorded in batch if recorded.position > checkpoint]
        if not fresh:
            return checkpoint
        if fresh[0].position != checkpoint + 1 or fresh[-1].position - fresh[0].position != len(fresh) - 1:
            raise Gap(f"{self.name} stands at {checkpoint}: it cannot go on with {fresh[0].position}")
        self.fold(connection, [recorded for recorded in fresh if recorded.position not in without])
        mine = self.checkpoints.c.name == self.name
        connection.execute(update(self.checkpoints).where(mine).values(position=fresh[-1].position))
        return fresh[-1].position

    def fold(self, connection: Connection, batch: Sequence[Recorded]) -> None:
        """Wherever the checkpoint stands: for what was passed over before."""
        events = [
            (event, recorded)
            for recorded in batch
            if (event := self.catalogue.decode(recorded, self.sealer)) is not None
        ]
        for view in self.views:
            self._fold(connection, view, events)

    def digests(self, connection: Connection) -> dict[str, str]:
        """View → SHA-256 over its rows in the order of their keys: equal tables have equal digests."""
        return {view.name: self._digest(connection, self.tables[view.name]) for view in self.views}

    def _fold(self, connection: Connection, view: View, events: Sequence[tuple[Event, Recorded]]) -> None:
        concerned = [(key, event, recorded) for event, recorded in events for key in view.keys(event, recorded)]
        if not concerned:
            return
        table = self.tables[view.name]
        before = dict(_rows_at(connection, table, {key for key, _, _ in concerned}))
        after: dict[Key, Row | None] = dict(before)
        for key, event, recorded in concerned:
            after[key] = view.evolve(after.get(key), event, recorded)
        _write(connection, table, {key: row for key, row in after.items() if row != before.get(key)})

    def _digest(self, connection: Connection, table: Table) -> str:
        digest = hashlib.sha256()
        rows = connection.execution_options(yield_per=1000).execute(select(table).order_by(*table.primary_key))
        for row in rows:
            digest.update(orjson.dumps(tuple(row), default=str, option=orjson.OPT_SORT_KEYS))
            digest.update(b"\n")
        return digest.hexdigest()


@dataclass(frozen=True)
class Rows:
    """Reading a projection's tables within one connection."""

    projection: Projection
    connection: Connection

    def one(self, view: View, *key: Any) -> Row | None:
        table = self.projection.tables[view.name]
        same = and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
        row = self.connection.execute(select(table).where(same)).one_or_none()
        return None if row is None else dict(row._mapping)

    def where(self, view: View, **equal: Any) -> list[Row]:
        table = self.projection.tables[view.name]
        same = and_(True, *(table.c[name] == value for name, value in equal.items()))
        rows = self.connection.execute(select(table).where(same).order_by(*table.primary_key))
        return [dict(row._mapping) for row in rows]


def catch_up(
    projection: Projection, connection: Connection, log: EventLog, until: int, batch: int = 500
) -> Iterator[int]:
    """Fold from the checkpoint up to the position `until`; yields each checkpoint reached."""
    position = projection.lock(connection)
    while position < until:
        position = projection.apply(connection, log.read(position, min(batch, until - position)))
        yield position


def _rows_at(connection: Connection, table: Table, keys: set[Key]) -> Iterator[tuple[Key, Row]]:
    columns = list(table.primary_key)
    ordered = list(keys)
    for start in range(0, len(ordered), KEYS_IN_ONE_QUERY):
        some = ordered[start : start + KEYS_IN_ONE_QUERY]
        among = columns[0].in_([key[0] for key in some]) if len(columns) == 1 else tuple_(*columns).in_(some)
        for row in connection.execute(select(table).where(among)):
            mapping = dict(row._mapping)
            yield tuple(mapping[column.name] for column in columns), mapping


def _write(connection: Connection, table: Table, changed: Mapping[Key, Row | None]) -> None:
    columns = list(table.primary_key)
    gone = [key for key, row in changed.items() if row is None]
    kept = [dict(row) for row in changed.values() if row is not None]
    for key in gone:
        connection.execute(delete(table).where(and_(*(c == value for c, value in zip(columns, key, strict=True)))))
    if kept:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table)
        others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        connection.execute(statement.on_conflict_do_update(index_elements=columns, set_=others), kept)

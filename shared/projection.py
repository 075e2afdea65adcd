"""Tables folded from the log: the gateway's views and each service's directory. Any of them can be deleted and rebuilt.

A `View` says which rows an event concerns and what each becomes; a `Projection` folds batches of events into a set of
views and moves its checkpoint in the same transaction. Following live and rebuilding are this one function.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    and_,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from shared.comparing import digest
from shared.folding import Folding
from shared.log import EventLog, Recorded
from shared.messages import Catalogue, Event, Sealer

Key = tuple[Any, ...]
Row = Mapping[str, Any]


class Gap(ValueError):
    """Events are missing between the checkpoint and these."""


@dataclass(frozen=True)
class View:
    """A table and its fold.

    `keys(event, recorded)` gives the primary keys of the rows that the event concerns; `evolve(row, event, recorded)`
    gives what such a row becomes: a whole row, or None to have none. Both are pure. `of`, where it is given, are the
    only events that concern any row: others need not be read. `begun_by` are those that begin a row of which there was
    never one before, because their stream begins with them: it is not looked for, and the database refuses a second.
    Events of one subject concern no row that events of another do, and none that those of no subject do: so a rebuild
    can be divided. Of those in `unread` it needs no more than that they happened: they may come without their values.
    """

    name: str
    columns: tuple[Column[Any], ...]
    keys: Callable[[Event, Recorded], Iterable[Key]]
    evolve: Callable[[Row | None, Event, Recorded], Row | None]
    indexes: tuple[tuple[str, ...], ...] = ()
    of: tuple[type[Event], ...] = ()
    begun_by: tuple[type[Event], ...] = ()
    unread: tuple[type[Event], ...] = ()

    def table(self, metadata: MetaData, suffix: str = "", mark: str = "") -> Table:
        """`mark` tells the names of its indexes from those of a table that it will take the place of."""
        indexes = [Index(f"{self.name}{mark}_by_{'_'.join(columns)}", *columns) for columns in self.indexes]
        return Table(self.name + suffix, metadata, *(column._copy() for column in self.columns), *indexes)


class Projection:
    """`views` of the events in `catalogue`; with a `sealer`, personal values arrive opened (and stand in plain).

    `suffix` names another set of the same tables, beside the live ones.
    """

    def __init__(
        self, name: str, views: Sequence[View], catalogue: Catalogue, sealer: Sealer | None = None, suffix: str = ""
    ) -> None:
        self.name = name
        self.views = tuple(views)
        self.catalogue = catalogue
        self.sealer = sealer
        self.metadata = MetaData()
        mark = f"_{uuid4().hex[:8]}" if suffix else ""
        self.tables = {view.name: view.table(self.metadata, suffix, mark) for view in views}
        self.checkpoints = Table(
            "checkpoints" + suffix,
            self.metadata,
            Column("name", String(100), primary_key=True),
            Column("position", BigInteger, nullable=False),
        )
        self._mine = self.checkpoints.c.name == self.name
        self._concerned = {kind: tuple(_reading(kind, self.views)) for kind in catalogue.types}
        self._unread = {
            kind: catalogue.bare(kind)
            for kind, views in self._concerned.items()
            if all(_leaves_unread(kind, view) for view in views)
        }

    @property
    def types(self) -> list[str]:
        """The events that concern any of the views."""
        return [kind for kind, views in self._concerned.items() if views]

    def concerned(self, kind: str) -> Sequence[View]:
        """The views that events of this type concern."""
        return self._concerned.get(kind, ())

    def decode(self, recorded: Recorded) -> Event | None:
        """With its values, if any of the views reads them."""
        unread = self._unread.get(recorded.type)
        if unread is not None and recorded.schema_version <= unread.schema_version:
            return unread
        return self.catalogue.decode(recorded, self.sealer)

    def only(self, names: Collection[str]) -> "Projection":
        return Projection(self.name, [v for v in self.views if v.name in names], self.catalogue, self.sealer)

    def beside(self, suffix: str) -> "Projection":
        return Projection(self.name, self.views, self.catalogue, self.sealer, suffix)

    def install(self, connection: Connection, indexed: bool = True) -> None:
        """What is missing. Tables that are filled faster without their indexes get them later, by `index`."""
        for table in self.tables.values():
            if indexed:
                table.create(connection, checkfirst=True)
            else:
                connection.execute(CreateTable(table))
        self.start(connection)

    def start(self, connection: Connection) -> None:
        """Where there is no checkpoint yet, before the first event."""
        self.checkpoints.create(connection, checkfirst=True)
        if connection.scalar(select(self.checkpoints.c.position).where(self._mine)) is None:
            connection.execute(insert(self.checkpoints).values(name=self.name, position=0))

    def index(self, connection: Connection) -> None:
        for table in self.tables.values():
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                index.create(connection)

    def drop(self, connection: Connection) -> None:
        self.metadata.drop_all(connection)

    def checkpoint(self, connection: Connection) -> int:
        return connection.scalar(select(self.checkpoints.c.position).where(self._mine)) or 0

    def lock(self, connection: Connection) -> int:
        """The checkpoint, held until the transaction ends: one follower at a time."""
        held = update(self.checkpoints).where(self._mine).values(position=self.checkpoints.c.position)
        return connection.scalar(held.returning(self.checkpoints.c.position)) or 0

    def move(self, connection: Connection, position: int) -> None:
        """The checkpoint, whatever was folded."""
        connection.execute(update(self.checkpoints).where(self._mine).values(position=position))

    def apply(self, connection: Connection, batch: Sequence[Recorded], without: Collection[int] = ()) -> int:
        """Fold what follows the checkpoint and move it; what is at or below it is a repeat. Returns the checkpoint.

        It passes over the positions in `without`, which are to be folded later. Raises `Gap` when the batch leaves one
        after the checkpoint.
        """
        if not self._move_over(connection, batch):
            checkpoint = self.lock(connection)
            batch = [recorded for recorded in batch if recorded.position > checkpoint]
            if not batch:
                return checkpoint
            if not self._move_over(connection, batch):
                raise Gap(f"{self.name} stands at {checkpoint}: it cannot go on with {batch[0].position}")
        self.fold(connection, [recorded for recorded in batch if recorded.position not in without])
        return batch[-1].position

    def _move_over(self, connection: Connection, batch: Sequence[Recorded]) -> bool:
        """Hold the checkpoint and move it behind the batch, if it stands just before: mostly all that it takes."""
        if not batch or batch[-1].position - batch[0].position != len(batch) - 1:
            return False
        before = self._mine & (self.checkpoints.c.position == batch[0].position - 1)
        moved = connection.execute(update(self.checkpoints).where(before).values(position=batch[-1].position))
        return moved.rowcount == 1

    def fold(self, connection: Connection, batch: Sequence[Recorded]) -> None:
        """Wherever the checkpoint stands: for what was passed over before."""
        folding = Folding(self)
        folding.take(connection, batch)
        folding.write(connection)

    def digests(self, connection: Connection) -> dict[str, str]:
        """View → SHA-256 over its rows in the order of their keys: equal tables have equal digests."""
        return {name: digest(connection, table) for name, table in self.tables.items()}


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


def _leaves_unread(kind: str, view: View) -> bool:
    return any(one.type == kind for one in view.unread)


def _reading(kind: str, views: Iterable[View]) -> Iterator[View]:
    return (view for view in views if not view.of or any(one.type == kind for one in view.of))

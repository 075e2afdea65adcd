"""Events folded into rows that are held in memory: for one batch where a log is followed, for many in a rebuild."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Dialect, Table, and_, delete, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from shared.log import Recorded
from shared.messages import Event, sealed_for

if TYPE_CHECKING:
    from shared.projection import Key, Projection, Row, View

    Told = tuple[Key, Event, Recorded]

KEYS_IN_ONE_QUERY = 400
WORTH_A_COPY = 100


class Folding:
    """The rows of a projection's views while events are folded into them. Nothing is written before `write`.

    `blank` promises that the tables are empty, so that no row has to be looked for.
    """

    def __init__(self, projection: "Projection", blank: bool = False) -> None:
        self._projection = projection
        self._held = {view.name: _Held(view, projection.tables[view.name], blank) for view in projection.views}

    def full(self, lately: int) -> bool:
        """Whether more rows than that of any view were touched since they were last written."""
        return any(held.lately > lately for held in self._held.values())

    def take(self, connection: Connection, batch: Sequence[Recorded]) -> None:
        told: dict[str, list[Told]] = {name: [] for name in self._held}
        decode, sealer = self._projection.decode, self._projection.sealer
        concerned = self._projection.concerned
        if sealer:
            sealer.fetch({one for recorded in batch if concerned(recorded.type) for one in sealed_for(recorded.data)})
        for recorded in batch:
            views = concerned(recorded.type)
            if views and (event := decode(recorded)) is not None:
                for view in views:
                    into = told[view.name]
                    for key in view.keys(event, recorded):
                        into.append((key, event, recorded))
        for name, held in self._held.items():
            held.fold(connection, told[name])

    def write(self, connection: Connection) -> None:
        """What has changed."""
        for held in self._held.values():
            held.write(connection)

    def send(self, connection: Connection, lately: int) -> None:
        """What has changed, to PostgreSQL, within a pipeline of the driver's; room is made as by `make_room`."""
        for held in self._held.values():
            held.send(connection)
            if held.lately > lately:
                held.let_go()

    def make_room(self, connection: Connection, lately: int) -> None:
        """Write the views that are `full`, and let go of those of their rows that were not touched in between."""
        for held in self._held.values():
            if held.lately > lately:
                held.write(connection)
                held.let_go()


@dataclass(slots=True)
class _Line:
    """A row as it now is, None for one that there is not; whether the table has one."""

    row: "Row | None" = None
    stored: bool = False


class _Held:
    """The rows of one view: those touched lately, and those that were before that, none of which has changed since."""

    def __init__(self, view: "View", table: Table, blank: bool) -> None:
        self._view = view
        self._table = table
        self._blank = blank
        self._lately: dict[Key, _Line] = {}
        self._earlier: dict[Key, _Line] = {}
        self._changed: dict[Key, _Line] = {}
        self._replacing: _Replacing | None = None

    @property
    def lately(self) -> int:
        return len(self._lately)

    def fold(self, connection: Connection, concerned: Sequence["Told"]) -> None:
        if not self._blank:
            self._look_for(connection, self._unknown(concerned))
        evolve, lines, earlier = self._view.evolve, self._lately, self._earlier
        for key, event, recorded in concerned:
            line = lines.get(key)
            if line is None:
                line = lines[key] = earlier.pop(key) if key in earlier else _Line()
            after = evolve(line.row, event, recorded)
            if after is not line.row:
                line.row = after
                self._changed[key] = line

    def write(self, connection: Connection) -> None:
        stored = {key: line.row for key, line in self._changed.items() if line.stored}
        fresh = [line.row for line in self._changed.values() if line.row is not None and not line.stored]
        _delete(connection, self._table, [key for key, row in stored.items() if row is None])
        _replace(connection, self._table, [row for row in stored.values() if row is not None])
        _insert(connection, self._table, fresh)
        self._written()

    def send(self, connection: Connection) -> None:
        if self._changed:
            self._replacing = self._replacing or _Replacing(self._table, connection.dialect)
            driver: Any = connection.connection.driver_connection
            for key, line in self._changed.items():
                driver.execute(*self._replacing.statement(key, line.row))
            self._written()

    def _written(self) -> None:
        for line in self._changed.values():
            line.stored = line.row is not None
        self._changed.clear()

    def let_go(self) -> None:
        self._blank = self._blank and not self._earlier
        self._lately, self._earlier = {}, self._lately

    def _unknown(self, concerned: Sequence["Told"]) -> Collection["Key"]:
        """Of rows that the table may have and that are not held."""
        begun_by, lately, earlier = self._view.begun_by, self._lately, self._earlier
        unknown = {
            key
            for key, event, _ in concerned
            if not isinstance(event, begun_by) and key not in lately and key not in earlier
        }
        return unknown and unknown - {key for key, event, _ in concerned if isinstance(event, begun_by)}

    def _look_for(self, connection: Connection, keys: Collection["Key"]) -> None:
        for key, row in _rows_at(connection, self._table, list(keys)):
            self._lately[key] = _Line(row, stored=True)


def _rows_at(connection: Connection, table: Table, keys: Sequence["Key"]) -> Iterator[tuple["Key", "Row"]]:
    columns = list(table.primary_key)
    for start in range(0, len(keys), KEYS_IN_ONE_QUERY):
        some = keys[start : start + KEYS_IN_ONE_QUERY]
        among = columns[0].in_([key[0] for key in some]) if len(columns) == 1 else tuple_(*columns).in_(some)
        for row in connection.execute(select(table).where(among)):
            mapping = dict(row._mapping)
            yield tuple(mapping[column.name] for column in columns), mapping


def _delete(connection: Connection, table: Table, keys: Sequence["Key"]) -> None:
    for key in keys:
        same = and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))
        connection.execute(delete(table).where(same))


def _insert(connection: Connection, table: Table, rows: Sequence["Row"]) -> None:
    if connection.dialect.name == "postgresql" and len(rows) >= WORTH_A_COPY:
        _copy(connection, table, rows)
    elif rows:
        connection.execute(insert(table), [dict(row) for row in rows])


def _replace(connection: Connection, table: Table, rows: Sequence["Row"]) -> None:
    if rows:
        dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table)
        others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        replaced = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
        connection.execute(replaced, [dict(row) for row in rows])


class _Cells:
    """A row's values as the driver takes them, in the order of the columns."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._names = [column.name for column in table.columns]
        processors = [(at, column.type._cached_bind_processor(dialect)) for at, column in enumerate(table.columns)]
        self._processed = [(at, process) for at, process in processors if process]

    def of(self, row: "Row") -> list[Any]:
        cells = [row[name] for name in self._names]
        for at, process in self._processed:
            cells[at] = process(cells[at])
        return cells


class _Replacing:
    """That there is a row, or that there is none, as the driver is told of it."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        names = [sql.Identifier(column.name) for column in table.columns]
        keys = [sql.Identifier(column.name) for column in table.primary_key]
        parts = {
            "table": sql.Identifier(table.name),
            "names": _listed(names),
            "values": _listed([sql.Placeholder()] * len(names)),
            "keys": _listed(keys),
            "key": _listed([sql.Placeholder()] * len(keys)),
            "others": _listed([sql.SQL("{0} = excluded.{0}").format(name) for name in names if name not in keys]),
        }
        replace = "INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT ({keys}) DO UPDATE SET {others}"
        self._replace = sql.SQL(replace).format(**parts).as_bytes(None)
        self._delete = sql.SQL("DELETE FROM {table} WHERE ({keys}) = ({key})").format(**parts).as_bytes(None)
        self._cells = _Cells(table, dialect)

    def statement(self, key: "Key", row: "Row | None") -> tuple[bytes, Sequence[Any]]:
        return (self._delete, key) if row is None else (self._replace, self._cells.of(row))


def _listed(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _copy(connection: Connection, table: Table, rows: Sequence["Row"]) -> None:
    """As an INSERT would take them, several times as fast."""
    dialect = connection.dialect
    cells = _Cells(table, dialect)
    quoted = dialect.identifier_preparer.quote
    into = f"COPY {quoted(table.name)} ({', '.join(quoted(column.name) for column in table.columns)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor().copy(into) as copy:
            for row in rows:
                copy.write_row(cells.of(row))
    except psycopg.OperationalError as error:
        raise OperationalError(into, None, error) from error

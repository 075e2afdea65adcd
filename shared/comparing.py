"""Whether a view's rebuilt table holds the rows of the live one, and where it does not."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Select, String, Table, inspect, select

from shared.messages import SEALED

LENGTH = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """What one column, or a part of it, of the row at `key` holds on either side, as it may be printed."""

    view: str
    key: tuple[str, ...]
    column: str
    live: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.view} {', '.join(self.key)}: {self.column} is {self.live} live, {self.rebuilt} rebuilt"


def columns(connection: Connection, table: Table) -> list[str]:
    """Those that the table has by now in the database: none where there is no table."""
    looking = inspect(connection)
    return [column["name"] for column in looking.get_columns(table.name)] if looking.has_table(table.name) else []


def digest(connection: Connection, table: Table) -> str:
    """SHA-256 over the rows in the order of their keys: equal tables have equal digests."""
    told = hashlib.sha256()
    for row in connection.execution_options(yield_per=1000).execute(_ordered(connection, table)):
        told.update(orjson.dumps(tuple(row), default=str, option=orjson.OPT_SORT_KEYS))
        told.update(b"\n")
    return told.hexdigest()


def differences(
    name: str, live: tuple[Connection, Table], rebuilt: tuple[Connection, Table], in_plain: bool
) -> Iterator[Difference]:
    """Row by row, holding one of each. Values that may be personal are not told: those sealed, and all of a view that
    has them `in_plain`.
    """
    for key, sides in groupby(merge(_told(*live, 0), _told(*rebuilt, 1), key=itemgetter(0)), key=itemgetter(0)):
        rows = {side: row for _, side, row in sides}
        ours, theirs = rows.get(0), rows.get(1)
        if ours == theirs:
            continue
        at = tuple(map(str, key))
        if ours is None or theirs is None:
            yield Difference(name, at, "the row", _there(ours), _there(theirs))
            continue
        for part in {**ours, **theirs}:
            if ours.get(part) != theirs.get(part):
                yield Difference(name, at, part, _shown(ours, part, in_plain), _shown(theirs, part, in_plain))


def _ordered(connection: Connection, table: Table) -> Select[Any]:
    """By the keys as Python compares them, whatever the database's language."""
    postgresql = connection.dialect.name == "postgresql"
    keys = [c.collate("C") if postgresql and isinstance(c.type, String) else c for c in table.primary_key]
    return select(table).order_by(*keys)


def _told(connection: Connection, table: Table, side: int) -> Iterator[tuple[tuple[Any, ...], int, dict[str, Any]]]:
    """Key, side, and the row as its smallest parts: `summary.activity.messages`."""
    names = [column.name for column in table.primary_key]
    with connection.execution_options(yield_per=1000).execute(_ordered(connection, table)) as rows:
        for row in rows.mappings():
            plain = orjson.loads(orjson.dumps({str(name): value for name, value in row.items()}, default=str))
            yield tuple(row[name] for name in names), side, dict(_parts(plain))


def _parts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    inside = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    if not inside:
        yield path, value
    for name, part in inside.items():
        yield from _parts(part, f"{path}.{name}" if path else str(name))


def _there(row: Mapping[str, Any] | None) -> str:
    return "not there" if row is None else "there"


def _shown(row: Mapping[str, Any], part: str, in_plain: bool) -> str:
    if part not in row:
        return "nothing"
    value = row[part]
    if in_plain and value is not None:
        return "(not shown)"
    if isinstance(value, str) and value.startswith(SEALED):
        return f"sealed …{value[-12:]}"
    told = orjson.dumps(value).decode()
    return told if len(told) <= LENGTH else f"{told[:LENGTH]}…"

"""Looking up one row in the event loop: what is asked most often takes no thread, and no more than the driver.

Threads that wait for a database take the interpreter's lock from the busy loop beside them, and it from them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import orjson
import psycopg
from psycopg.types.json import set_json_loads
from sqlalchemy import Engine, Row, Select
from sqlalchemy.engine import result_tuple

from shared.database import IDLE_SECONDS, reading
from shared.refusals import Unavailable

AT_ONCE = 16

_Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]


class Lookup(Protocol):
    async def one(self, query: Select[Any], **values: Any) -> Row[Any] | None:
        """The first row. `query`, always the same object, is prepared once; `values` are its parameters. A database
        that does not answer is `Unavailable`."""
        ...

    async def close(self) -> None: ...


def open_lookup(engine: Engine) -> Lookup:
    """In the same database, as the same role."""
    return _OfDriver(engine) if engine.dialect.name == "postgresql" else _InThread(engine)


class _InThread:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def one(self, query: Select[Any], **values: Any) -> Row[Any] | None:
        return await asyncio.to_thread(self._one, query, values)

    async def close(self) -> None:
        """The engine is somebody else's."""

    def _one(self, query: Select[Any], values: Mapping[str, Any]) -> Row[Any] | None:
        with reading(self._engine) as connection:
            return connection.execute(query, values).first()


@dataclass(frozen=True)
class _Prepared:
    """A query in the driver's words; how each column's value and the row are made of what it answers."""

    text: str
    constants: Mapping[str, Any]
    convert: tuple[Callable[[Any], Any] | None, ...]
    row: Callable[[Iterable[Any]], Row[Any]]

    def told(self, found: tuple[Any, ...]) -> Row[Any]:
        pairs = zip(self.convert, found, strict=True)
        return self.row([convert(value) if convert else value for convert, value in pairs])


class _OfDriver:
    """Each connection is made when it is needed, and then kept, with its cursor: that knows how to read what it has
    read before. One that lay unused is asked whether it still lives; when one is dead, so are the others."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self._where = engine.dialect.create_connect_args(engine.url)[1]
        self._prepared: dict[Select[Any], _Prepared] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._idle: list[tuple[float, _Cursor]] = []

    async def one(self, query: Select[Any], **values: Any) -> Row[Any] | None:
        prepared = self._prepared.get(query) or self._prepare(query)
        async with self._turn:
            try:
                found = await self._ask(prepared, values)
            except psycopg.OperationalError as error:
                await self.close()
                raise Unavailable("The database does not answer: try again shortly.") from error
        return prepared.told(found) if found else None

    async def _ask(self, prepared: _Prepared, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        cursor = await self._cursor()
        try:
            await cursor.execute(prepared.text, {**prepared.constants, **values}, prepare=True)
            found = await cursor.fetchone()
        except BaseException:
            await cursor.connection.close()
            raise
        self._idle.append((time.monotonic(), cursor))
        return found

    async def _cursor(self) -> _Cursor:
        if self._idle:
            since, cursor = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS or await _lives(cursor):
                return cursor
            await self.close()
        made = await psycopg.AsyncConnection.connect(**self._where, autocommit=True)
        set_json_loads(orjson.loads, made)
        return made.cursor()

    async def close(self) -> None:
        """Those that lie unused: later ones are made anew."""
        idle, self._idle = self._idle, []
        for _, cursor in idle:
            await cursor.connection.close()

    def _prepare(self, query: Select[Any]) -> _Prepared:
        compiled = query.compile(dialect=self._dialect)
        columns = list(query.selected_columns)
        types = [column.type.dialect_impl(self._dialect) for column in columns]
        convert = tuple(kind.result_processor(self._dialect, None) for kind in types)
        row = result_tuple([column.name for column in columns])
        prepared = self._prepared[query] = _Prepared(str(compiled), compiled.params, convert, row)
        return prepared


async def _lives(cursor: _Cursor) -> bool:
    try:
        await cursor.execute("")
    except psycopg.OperationalError:
        await cursor.connection.close()
        return False
    return True

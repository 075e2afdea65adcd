"""A relationship's row for one of the two who asks for it, by the shortest way from PostgreSQL.

Nothing is joined to it, and nothing in it opened. Told by the environment: MENTORING_DATABASE_URL.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from bench.place import plain
from services.surroundings import settings_of_environment

ROW = "SELECT * FROM views.relationships WHERE relationship_id = %s"
AS_JSON = "SELECT mentor_id, mentee_id, row_to_json(r)::text FROM views.relationships AS r WHERE relationship_id = %s"


class Unknown(Exception):
    """There is no such relationship for whoever asks."""


class Rows:
    """Connections are used again; every statement commits by itself."""

    def __init__(self) -> None:
        self._url = plain(settings_of_environment().database_url)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    async def one(self, relationship: UUID, person: UUID | None) -> dict[str, Any]:
        """Raises `Unknown`."""
        async with self._connection() as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(ROW, (relationship,))
            row = await cursor.fetchone()
        if row is None or person not in (row["mentor_id"], row["mentee_id"]):
            raise Unknown
        return row

    async def as_json(self, relationship: UUID, person: UUID | None) -> str:
        """As PostgreSQL writes it: no object is made of it on the way. Raises `Unknown`."""
        async with self._connection() as connection:
            row = await (await connection.execute(AS_JSON, (relationship,))).fetchone()
        return _allowed(row, person)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        yield connection
        self._idle.append(connection)


class RowsOfGreenThreads:
    """The same for nameko's."""

    def __init__(self) -> None:
        self._url = plain(settings_of_environment().database_url)
        self._idle: list[psycopg.Connection[Any]] = []

    def as_json(self, relationship: UUID, person: UUID) -> str:
        with self._connection() as connection:
            row = connection.execute(AS_JSON, (relationship,)).fetchone()
        return _allowed(row, person)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = psycopg.connect(self._url, autocommit=True)
        yield connection
        self._idle.append(connection)


def _allowed(row: tuple[Any, ...] | None, person: UUID | None) -> str:
    if row is None or person not in row[:2]:
        raise Unknown
    return str(row[2])

"""A relationship's row for one of the two who asks for it, by the shortest way from PostgreSQL.

Whoever asks shows the platform's own token, verified by the platform's own code. Told by the environment:
MENTORING_DATABASE_URL, MENTORING_SECRETS_DIR.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from bench.place import plain
from services.surroundings import settings_of_environment
from shared.keys import load_keys
from shared.tokens import Verifier

ROW = "SELECT * FROM views.relationships WHERE relationship_id = %s"
AS_JSON = "SELECT mentor_id, mentee_id, row_to_json(r)::text FROM views.relationships AS r WHERE relationship_id = %s"


class Unknown(Exception):
    """There is no such relationship for whoever asks."""


class Rows:
    """Connections are used again, by threads and green threads; every statement commits by itself."""

    def __init__(self) -> None:
        settings = settings_of_environment()
        self._url = plain(settings.database_url)
        self._verify = Verifier(load_keys(settings.secrets_dir).verifying())
        self._idle: list[psycopg.Connection[Any]] = []

    def one(self, relationship: UUID, token: str) -> dict[str, Any]:
        """Raises `Unknown`."""
        with self._connection() as connection:
            row = connection.cursor(row_factory=dict_row).execute(ROW, (relationship,)).fetchone()
        if row is None or self._verify(token).person not in (row["mentor_id"], row["mentee_id"]):
            raise Unknown
        return row

    def as_json(self, relationship: UUID, token: str) -> str:
        """As PostgreSQL writes it: no object is made of it on the way. Raises `Unknown`."""
        with self._connection() as connection:
            row = connection.execute(AS_JSON, (relationship,)).fetchone()
        if row is None or self._verify(token).person not in row[:2]:
            raise Unknown
        return str(row[2])

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = psycopg.connect(self._url, autocommit=True)
        yield connection
        self._idle.append(connection)

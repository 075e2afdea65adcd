"""A relationship's row for one of the two who asks for it, by the shortest way from PostgreSQL.

Whoever asks shows the platform's own token, verified by the platform's own code. Told by the environment:
MENTORING_DATABASE_URL, MENTORING_SECRETS_DIR.
"""

import threading
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
    """A connection for each thread; every statement commits by itself."""

    def __init__(self) -> None:
        settings = settings_of_environment()
        self._url = plain(settings.database_url)
        self._verify = Verifier(load_keys(settings.secrets_dir).verifying())
        self._own = threading.local()

    def one(self, relationship: UUID, token: str) -> dict[str, Any]:
        """Raises `Unknown`."""
        row = self._connection.cursor(row_factory=dict_row).execute(ROW, (relationship,)).fetchone()
        if row is None or self._verify(token).person not in (row["mentor_id"], row["mentee_id"]):
            raise Unknown
        return row

    def as_json(self, relationship: UUID, token: str) -> str:
        """As PostgreSQL writes it: no object is made of it on the way. Raises `Unknown`."""
        row = self._connection.execute(AS_JSON, (relationship,)).fetchone()
        if row is None or self._verify(token).person not in row[:2]:
            raise Unknown
        return str(row[2])

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(self._url, autocommit=True)
        connection: psycopg.Connection[Any] = self._own.connection
        return connection

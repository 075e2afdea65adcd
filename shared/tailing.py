"""Projections that follow the end of a log: a few events at a time, to be seen as soon as possible."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

from shared.database import reading, writing
from shared.folding import Folding
from shared.log import Recorded
from shared.projection import Projection

FEW = 20
HOLDING = 5_000

MOVE = (
    "WITH moved AS (UPDATE checkpoints SET position = %s WHERE name = ANY(%s) AND position = %s"
    " AND xmin::text = coalesce(%s, xmin::text) RETURNING xmin::text AS transaction)"
    " SELECT count(*), max(transaction), set_config('synchronous_commit', 'off', true), pg_notify(%s, %s) FROM moved"
)


class Overtaken(Exception):
    """Somebody else has moved a checkpoint, or has held it to put other tables in the place of these."""


class Tail:
    """`projections` of one database, which advance together, and the PostgreSQL channel on which that is told.

    Rows are held from one batch to the next: they are what the tables say at the position that was reached with them.
    That nobody else has touched the checkpoints since is found out when they are moved; so a few events take one round
    trip, and one to commit.
    Several tails do no harm: they take turns.
    """

    def __init__(self, projections: Sequence[Projection], channel: str) -> None:
        self._projections = projections
        self._channel = channel
        self._foldings: list[Folding] = []
        self._reached = 0
        self._last: str | None = None

    def advance(self, database: Engine, batch: Sequence[Recorded]) -> int:
        """Folds the batch and moves the checkpoints; returns up to where all of them cover the log.

        It does not wait for the disk: when PostgreSQL is killed in the next moments, it may be as if it had never been.
        """
        if database.dialect.name == "postgresql" and len(batch) <= FEW:
            with suppress(Overtaken, psycopg.IntegrityError), reading(database) as connection:
                self._at_once(connection, batch)
                return batch[-1].position
        with writing(database) as connection:
            reached = min([projection.apply(connection, batch) for projection in self._projections])
            if connection.dialect.name == "postgresql":
                notice = {"channel": self._channel, "position": str(reached)}
                connection.execute(text("SELECT pg_notify(:channel, :position)"), notice)
        return reached

    def _at_once(self, connection: Connection, batch: Sequence[Recorded]) -> None:
        """What is held is forgotten when anything goes wrong on the way. Raises `Overtaken`."""
        before = batch[0].position - 1
        foldings = self._foldings if self._reached == before else []
        last = self._last if foldings else None
        foldings, self._foldings = foldings or [Folding(one) for one in self._projections], []
        for folding in foldings:
            folding.take(connection, batch)
        driver: Any = connection.connection.driver_connection
        reached = batch[-1].position
        with driver.pipeline() as pipeline:
            driver.execute("BEGIN")
            names = [one.name for one in self._projections]
            moving = driver.execute(MOVE, (reached, names, before, last, self._channel, str(reached)))
            for folding in foldings:
                folding.send(connection, HOLDING)
            pipeline.sync()
            moved, last, *_ = moving.fetchone()
            if moved != len(foldings):
                raise Overtaken()
            driver.execute("COMMIT")
        self._foldings, self._reached, self._last = foldings, reached, last

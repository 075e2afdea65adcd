"""Rebuilding every view from the log beside the live one, to see that they are equal."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from services.gateway.views import relationships
from shared.database import snapshot, writing
from shared.log import EventLog
from shared.projection import Projection

SUFFIX = "_rebuild"
BATCH = 2000


@dataclass(frozen=True)
class Report:
    """`differing` names the views whose rebuilt rows are not the live ones."""

    events: int
    relationships: int
    seconds: float
    differing: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return not self.differing

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Live:
    """How one projection's tables stood at `position`."""

    position: int
    digests: dict[str, str]


def rebuild(log: EventLog, database: Engine, projections: Sequence[Projection]) -> Report:
    """Compares at the position that the live views have now; they are read, never locked, and go on meanwhile."""
    lives = _snapshot(database, projections)
    besides = [projection.beside(SUFFIX) for projection in projections]
    _drop(database, besides)
    began = time.perf_counter()
    try:
        for beside, live in zip(besides, lives, strict=True):
            _build(log, database, beside, live.position)
        seconds = time.perf_counter() - began
        differing = [name for pair in zip(besides, lives, strict=True) for name in _differing(database, *pair)]
        return Report(max(live.position for live in lives), _count(database, besides), seconds, tuple(differing))
    finally:
        _drop(database, besides)


def _snapshot(database: Engine, projections: Sequence[Projection]) -> list[Live]:
    """All of one moment."""
    with snapshot(database) as connection:
        return [Live(projection.checkpoint(connection), projection.digests(connection)) for projection in projections]


def _build(log: EventLog, database: Engine, beside: Projection, until: int) -> None:
    with writing(database) as connection:
        beside.install(connection)
    position = 0
    while position < until:
        batch = log.read(position, min(BATCH, until - position))
        with writing(database) as connection:
            position = beside.apply(connection, batch)


def _differing(database: Engine, beside: Projection, live: Live) -> list[str]:
    with snapshot(database) as connection:
        rebuilt = beside.digests(connection)
    return sorted(name for name in rebuilt if rebuilt[name] != live.digests[name])


def _count(database: Engine, besides: Sequence[Projection]) -> int:
    tables = [beside.tables[relationships.VIEW.name] for beside in besides if relationships.VIEW in beside.views]
    with snapshot(database) as connection:
        return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def _drop(database: Engine, besides: Sequence[Projection]) -> None:
    with writing(database) as connection:
        for beside in besides:
            beside.drop(connection)

"""Keeping the views up with the log, and telling the gateway how far they are."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import Gauge
from sqlalchemy import Connection, Engine

from services.gateway.views import profiles
from services.identity.events import EnrolmentErased
from shared.database import reading, scrub
from shared.log import EventLog, Recorded
from shared.projection import Projection
from shared.refusals import Unavailable
from shared.tailing import Tail
from shared.telemetry import place_of

logger = logging.getLogger(__name__)

BATCH = 500
IDLE_SECONDS = 1.0
POLL_SECONDS = 0.25
CHANNEL = "views"

STUCK = Gauge("mentoring_views_stuck_position", "The event that the views cannot take in; 0 when there is none")


class Progress:
    """The position that the views have reached. Advanced by one thread, awaited by many requests."""

    def __init__(self) -> None:
        self.position = 0
        self._lock = threading.Lock()
        self._waiting: set[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def advance(self, position: int) -> None:
        with self._lock:
            self.position = max(self.position, position)
            reached = {waiter for waiter in self._waiting if waiter[0] <= self.position}
            self._waiting -= reached
        for _, loop, event in reached:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def restart(self, position: int) -> None:
        """Perhaps further back: the views may have lost what they showed last, if their database was killed."""
        with self._lock:
            self.position = position

    async def wait(self, position: int, seconds: float) -> bool:
        """Until the views have passed `position`, at the most so many seconds; whether they have."""
        waiter = (position, asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self.position >= position:
                return True
            self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter[2].wait(), seconds)
        except TimeoutError:
            return self.position >= position
        finally:
            with self._lock:
                self._waiting.discard(waiter)
        return True


class Trouble:
    """The position of the event that the views cannot take in, if there is one. They stop before it: what is read is
    true as of then, and no view ever leaves out an event that another one shows."""

    def __init__(self) -> None:
        self.at: int | None = None

    def met(self, recorded: Recorded, error: Exception) -> None:
        """Told once, and never in the error's own words: they may repeat the event's."""
        if self.at == recorded.position:
            return
        self.at = recorded.position
        STUCK.set(recorded.position)
        facts = {
            "position": recorded.position,
            "type": recorded.type,
            "correlation_id": str(recorded.correlation_id),
            "reason": type(error).__name__,
            "where": place_of(error),
        }
        logger.error("the views stop before an event that they cannot take in", extra=facts)

    def over(self) -> None:
        self.at = None
        STUCK.set(0)


def follow(
    log: EventLog,
    database: Engine,
    projections: Sequence[Projection],
    stop: threading.Event,
    on_progress: Callable[[int], None] = lambda position: None,
    trouble: Trouble | None = None,
) -> None:
    """Until stopped: fold the log into the projections. Several followers do no harm: they take turns.

    At an event that cannot be taken in they stop, and try again until they are repaired or replaced.
    """
    trouble = trouble or Trouble()
    tail = Tail(projections, CHANNEL)
    position, some = 0, BATCH
    while not stop.is_set():
        try:
            position = checkpoint(database, projections)
            while not stop.is_set():
                on_progress(position)
                if log.wait(position, IDLE_SECONDS):
                    position = _step(log, database, tail, position, some)
                    some = min(2 * some, BATCH)
                    trouble.over()
        except Unavailable:
            logger.warning("the views cannot follow the log: a database does not answer")
            stop.wait(IDLE_SECONDS)
        except Exception as error:
            if some == 1:
                with suppress(Unavailable):
                    trouble.met(log.read(position, 1)[0], error)
                stop.wait(IDLE_SECONDS)
            some = max(1, some // 8)


def listen(database: Engine, projections: Sequence[Projection], progress: Progress, stop: threading.Event) -> None:
    """Until stopped: hear how far the views are that another process keeps. PostgreSQL only."""
    while not stop.is_set():
        try:
            with reading(database) as connection:
                _hear(connection, projections, progress, stop)
        except (Unavailable, database.dialect.loaded_dbapi.Error):
            stop.wait(POLL_SECONDS)


def checkpoint(database: Engine, projections: Sequence[Projection]) -> int:
    """Up to here every projection covers the log."""
    with reading(database) as connection:
        return min(projection.checkpoint(connection) for projection in projections)


def _step(log: EventLog, database: Engine, tail: Tail, position: int, some: int) -> int:
    batch = log.read(position, some)
    reached = tail.advance(database, batch)
    if any(recorded.type == EnrolmentErased.type for recorded in batch):
        scrub(database, profiles.table)
    return reached


def _hear(connection: Connection, projections: Sequence[Projection], progress: Progress, stop: threading.Event) -> None:
    """Notifications may be missed, so the checkpoint itself is looked at when none has come for a while."""
    driver: Any = connection.connection.driver_connection
    connection.exec_driver_sql(f"LISTEN {CHANNEL}")
    progress.restart(min(projection.checkpoint(connection) for projection in projections))
    try:
        while not stop.is_set():
            progress.advance(min(projection.checkpoint(connection) for projection in projections))
            for notice in driver.notifies(timeout=POLL_SECONDS):
                progress.advance(int(notice.payload))
    finally:
        connection.invalidate()

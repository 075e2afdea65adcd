"""Wakes those who wait for the log to grow, across processes: by PostgreSQL's notifications, or else by looking."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from shared.refusals import Unavailable

POLL = 0.25
GAP = 0.002
PAUSE = 0.5

Connect = Callable[[], "psycopg.Connection[tuple[Any, ...]]"]

logger = logging.getLogger(__name__)


class Waking:
    """Two threads with a connection each, started when first needed.

    One tells the other processes of the latest position appended here: after the commit, at most one notification
    under way, none sooner than `GAP` seconds after the last. The other hears of it, and looks every `POLL` seconds.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._appended = 0
        self._told = 0
        self._seen = 0
        self.hearing = False
        self._closed = False
        self._threads: dict[str, threading.Thread] = {}

    def appended(self, position: int) -> None:
        """This process has committed up to `position`."""
        with self._changed:
            if position > self._appended:
                self._appended = position
                self._start("telling", self._tell)
        self.see(position)
        time.sleep(0)  # a green thread would else go on with its answer before it lets the teller tell

    def see(self, position: int) -> None:
        """The log has been seen to reach `position`."""
        if position > self._seen:
            with self._changed:
                self._seen = max(self._seen, position)
                self._changed.notify_all()

    def wait(self, after: int, timeout: float) -> bool:
        with self._changed:
            if self._seen <= after and timeout > 0:
                self._start("hearing", self._hear)
            return self._changed.wait_for(lambda: self._seen > after, timeout)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads.values():
            thread.join(2 * POLL)

    def _start(self, name: str, work: Callable[[psycopg.Connection[tuple[Any, ...]]], None]) -> None:
        if name not in self._threads and not self._closed:
            self._threads[name] = threading.Thread(target=self._keep, args=(work,), name=f"log {name}", daemon=True)
            self._threads[name].start()

    def _keep(self, work: Callable[[psycopg.Connection[tuple[Any, ...]]], None]) -> None:
        """At work until closed, on a new connection whenever one breaks."""
        while not self._closed:
            try:
                with self._connect() as connection:
                    work(connection)
            except (psycopg.Error, Unavailable) as error:
                logger.info("the log's notifications are interrupted", extra={"reason": str(error)})
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, PAUSE)

    def _tell(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._appended > self._told)
                self._told = self._appended
            connection.execute("SELECT pg_notify('log', %s)", (str(self._told),))
            time.sleep(GAP)

    def _hear(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        connection.execute("LISTEN log")
        try:
            while not self._closed:
                for (position,) in connection.execute("SELECT position FROM log.head"):
                    self.see(position)
                self.hearing = True
                for notice in connection.notifies(timeout=POLL):
                    self.see(int(notice.payload))
        finally:
            self.hearing = False

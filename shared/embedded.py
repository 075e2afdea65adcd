"""Services in one process without a broker: called directly, and fed from the log itself."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import anyio.to_thread

from shared.deadlines import send_due
from shared.log import EventLog
from shared.messages import Command
from shared.refusals import Unavailable
from shared.runtime import Runtime
from shared.service import Context, Done
from shared.subscription import Subscription

logger = logging.getLogger(__name__)

IDLE = timedelta(seconds=1)


class DirectBus:
    """A `CommandBus` to runtimes in the same process."""

    def __init__(self, runtimes: Mapping[str, Runtime]) -> None:
        self._runtimes = runtimes

    async def send(self, service: str, command: Command, context: Context) -> Done:
        return await anyio.to_thread.run_sync(self._runtimes[service].handle, command, context)


def hear(runtime: Runtime, log: EventLog, stop: threading.Event) -> None:
    """Until stopped: feed the service from the log."""
    subscription = Subscription(runtime)
    while not stop.is_set():
        try:
            log.wait(subscription.catch_up(), IDLE.total_seconds())
        except Unavailable:
            stop.wait(IDLE.total_seconds())


def keep_deadlines(runtime: Runtime, stop: threading.Event) -> None:
    """Until stopped: send each command that falls due."""
    while not stop.wait(IDLE.total_seconds()):
        try:
            send_due(runtime)
        except Unavailable:
            continue


class Threads:
    """Loops that run beside each other until all are stopped. One that fails takes the process down with it."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self._on_failure = on_failure
        self._threads: list[threading.Thread] = []

    def start(self, name: str, loop: Callable[[], None]) -> None:
        def run() -> None:
            try:
                loop()
            except Exception:
                logger.exception("a loop of the platform failed", extra={"loop": name})
                self._on_failure()

        thread = threading.Thread(target=run, name=name)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

"""Services in one process without a broker: called directly, and fed from the log itself."""

import threading
from collections.abc import Callable, Mapping

import anyio.to_thread

from shared.log import EventLog
from shared.looping import keep_going
from shared.messages import Command
from shared.runtime import Runtime
from shared.service import Context, Done
from shared.subscription import Subscription

IDLE_SECONDS = 1.0


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
        log.wait(subscription.catch_up(), IDLE_SECONDS)


class Loops:
    """Works that go on beside each other, each in a thread, until all are stopped."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=keep_going, args=(name, work, self.stop), name=name)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()

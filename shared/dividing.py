"""Work divided among processes: forks of this one, each with a share of its own."""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection

Work = Callable[[int, Callable[[int], None]], None]
"""Does the share of this number, and tells again and again how much of it is done."""


class ShareFailed(Exception):
    """A process did not finish its share, for the reason told."""


def processes() -> int:
    """How many can work at once. A fork takes only one thread along, so whoever has more works alone."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return len(os.sched_getaffinity(0))


def divided(work: Work, shares: int, watch: Callable[[int], None]) -> None:
    """Until every share is done; `watch` is told how much is, of all of them. Raises `ShareFailed` at the first that
    is not, and ends the others. What is forked must open its own connections."""
    context = get_context("fork")
    done: dict[Connection, int] = {}
    started = []
    try:
        for number in range(shares):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(work, number, there), daemon=True)
            process.start()
            there.close()
            started.append(process)
            done[here] = 0
        _await(done, watch)
    finally:
        for process in started:
            process.terminate()
            process.join()


def _await(done: dict[Connection, int], watch: Callable[[int], None]) -> None:
    working = set(done)
    while working:
        for here in connection.wait(working):
            assert isinstance(here, Connection)
            try:
                told = here.recv()
            except EOFError:
                raise ShareFailed("the process ended before its time") from None
            if isinstance(told, str):
                raise ShareFailed(told)
            if told is None:
                working.remove(here)
            else:
                done[here] = told
                watch(sum(done.values()))


def _work(work: Work, number: int, there: Connection) -> None:
    try:
        work(number, there.send)
        there.send(None)
    except Exception:  # noqa: BLE001 - whoever waits raises it
        there.send(traceback.format_exc())

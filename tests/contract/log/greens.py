"""A program for `in_green`: many green threads use the log in PostgreSQL, and none stops the others."""

import sys
import time

import eventlet

from shared.log import open_log
from shared.log.hashing import Intact, verify
from tests.contract.log.saying import recorded, say


def main(url: str) -> None:
    log = open_log(url)
    lags: list[float] = []

    def tick() -> None:
        while True:
            started = time.monotonic()
            eventlet.sleep(0.01)
            lags.append(time.monotonic() - started - 0.01)

    def write(room: str) -> None:
        for number in range(20):
            recorded(log, say(room, "a", after=number))

    eventlet.spawn(tick)
    waiter = eventlet.spawn(log.wait, 399, 30)
    idler = eventlet.spawn(log.wait, 400, 1.5)
    writers = [eventlet.spawn(write, f"room-{n}") for n in range(20)]
    for writer in writers:
        writer.wait()
    woken, idle = waiter.wait(), idler.wait()
    intact = verify(log) == Intact(log.head())
    print(log.head().position, woken, idle, intact, max(lags) < 0.5)
    log.close()


main(sys.argv[1])

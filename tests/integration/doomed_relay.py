"""`python -m tests.integration.doomed_relay <point> <position>`: the relay as it is, but that its process is killed
(SIGKILL, by itself) at one point of its work on the event at that position. Also one that soon loses patience."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from services.processes import relay as process
from shared import broker, relay
from shared.log import Recorded

publish, save = broker.publish, relay._save


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_publish(position: int) -> None:
    def doomed(connection: Any, channel: Any, batch: Sequence[Recorded]) -> None:
        before = [recorded for recorded in batch if recorded.position < position]
        publish(connection, channel, before)
        if len(before) < len(batch):
            die()

    broker.publish = doomed


def after_publish(position: int) -> None:
    """It is on its way, and nothing has been heard of it."""

    def doomed(connection: Any, channel: Any, batch: Sequence[Recorded]) -> None:
        upto = [recorded for recorded in batch if recorded.position <= position]
        publish(connection, channel, upto)
        if upto and upto[-1].position == position:
            die()

    broker.publish = doomed


def before_checkpoint(at: int) -> None:
    """The broker has confirmed it."""

    def doomed(session: Connection, position: int) -> None:
        if position >= at:
            die()
        save(session, position)

    relay._save = doomed


def after_checkpoint(at: int) -> None:
    def doomed(session: Connection, position: int) -> None:
        save(session, position)
        if position >= at:
            die()

    relay._save = doomed


def impatient(position: int) -> None:
    relay.CONFIRM_SECONDS = 0.5


POINTS: dict[str, Callable[[int], None]] = {
    point.__name__: point for point in (before_publish, after_publish, before_checkpoint, after_checkpoint, impatient)
}

if __name__ == "__main__":
    POINTS[sys.argv[1]](int(sys.argv[2]))
    process.start("relay")

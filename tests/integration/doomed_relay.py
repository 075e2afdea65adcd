"""`python -m tests.integration.doomed_relay <point> <position>`: the relay as it is, but that its process is killed
(SIGKILL, by itself) at one point of its work on the event at that position. Also one that soon loses patience."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import amqp
from sqlalchemy import Connection

from services.processes import relay as process
from shared import broker, relay

publish, save = amqp.Channel.basic_publish, relay._save


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_told(message: amqp.Message, position: int) -> bool:
    return broker.recorded_in(message).position == position


def before_publish(position: int) -> None:
    def doomed(channel: Any, message: Any, **how: Any) -> Any:
        if is_told(message, position):
            die()
        return publish(channel, message, **how)

    amqp.Channel.basic_publish = doomed


def after_publish(position: int) -> None:
    """It is on its way, and nothing has been heard of it."""

    def doomed(channel: Any, message: Any, **how: Any) -> Any:
        publish(channel, message, **how)
        if is_told(message, position):
            die()

    amqp.Channel.basic_publish = doomed


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

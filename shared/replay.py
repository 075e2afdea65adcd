"""Telling one queue again what the log holds, for somebody who lost it or came later than the stream remembers."""

from collections.abc import Callable, Collection, Iterator
from time import monotonic

import amqp

from shared import broker
from shared.log import EventLog, Recorded
from shared.refusals import NotFound, Unavailable

WINDOW = 500
PATIENCE_SECONDS = 30.0
MARK = {"replayed": True}

Progress = Callable[[int, int], None]


class QueueUnknown(NotFound):
    """There is no such queue: nothing is told to nobody."""


def replay(
    log: EventLog,
    broker_url: str,
    queue: str,
    span: tuple[int, int],
    types: Collection[str] = (),
    progress: Progress = lambda position, sent: None,
) -> int:
    """Publishes the events of these positions (the last included) and types (none: all), as they were first told, with
    a header that says so; how many. Each is confirmed before the next window. Others' queues hear nothing of it.

    Raises `QueueUnknown`, and `Unavailable` when the broker does not take them: then `progress` knows how far it came.
    """
    with broker.connected(broker_url) as connection:
        channel = connection.channel()
        _require(channel, queue)
        channel.confirm_select()
        confirms = _Confirms(connection, channel)
        sent = 0
        for window in _windows(log, *span):
            told = [one for one in window if not types or one.type in types]
            for recorded in told:
                channel.basic_publish(broker.message(recorded, MARK), exchange="", routing_key=queue, mandatory=True)
            sent += len(told)
            confirms.wait(sent)
            progress(window[-1].position, sent)
    return sent


class _Confirms:
    """Delivery tags count from 1 on a channel."""

    def __init__(self, connection: amqp.Connection, channel: amqp.Channel) -> None:
        self._connection = connection
        self._until = 0
        self._single: set[int] = set()
        self._refused = False
        channel.events["basic_ack"].add(self._acked)
        channel.events["basic_nack"].add(self._nacked)
        channel.events["basic_return"].add(self._nacked)

    def wait(self, tag: int) -> None:
        """Until everything up to this tag is confirmed."""
        until = monotonic() + PATIENCE_SECONDS
        while self._until < tag:
            broker.drained(self._connection, 1)
            if self._refused or monotonic() > until:
                raise Unavailable("The broker does not take what is told again.")

    def _acked(self, tag: int, multiple: bool) -> None:
        self._single.update(range(self._until + 1, tag + 1) if multiple else (tag,))
        while self._until + 1 in self._single:
            self._until += 1
            self._single.discard(self._until)

    def _nacked(self, *_: object) -> None:
        self._refused = True


def _require(channel: amqp.Channel, queue: str) -> None:
    try:
        channel.queue_declare(queue, passive=True)
    except amqp.NotFound as error:
        raise QueueUnknown(queue=queue) from error


def _windows(log: EventLog, first: int, last: int) -> Iterator[list[Recorded]]:
    after = first - 1
    while after < last and (window := log.read(after, min(WINDOW, last - after))):
        yield window
        after = window[-1].position

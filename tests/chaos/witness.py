"""Somebody outside who listens to everything and writes it down, as it comes, repeats and all."""

import threading
from contextlib import suppress
from functools import partial
from typing import Any, Self

from shared import broker
from shared.log import Recorded
from shared.looping import keep_going
from shared.refusals import Unavailable

QUEUE = "witness"
PREFETCH = 200
LOOK_SECONDS = 0.5
STREAM_SECONDS = 5


class Witness:
    """Consumes a quorum queue of its own in a thread of its own, through whatever happens to the broker. A context."""

    def __init__(self, broker_url: str) -> None:
        self.heard: list[Recorded] = []
        self._url = broker_url
        self._stop = threading.Event()
        listening = partial(keep_going, "witness", self._listen, self._stop)
        self._thread = threading.Thread(target=listening, name="witness", daemon=True)

    def __enter__(self) -> Self:
        with broker.connected(self._url) as connection:
            channel = connection.channel()
            broker.declare_exchange(channel)
            channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(QUEUE, broker.EXCHANGE, "#")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def position(self) -> int:
        """The highest that has come."""
        return max((one.position for one in self.heard[-2 * PREFETCH :]), default=0)

    def _listen(self) -> None:
        with broker.connected(self._url) as connection:
            channel = connection.channel()
            channel.basic_qos(0, PREFETCH, False)

            def hear(message: Any) -> None:
                self.heard.append(broker.recorded_in(message))
                channel.basic_ack(message.delivery_tag)

            channel.basic_consume(QUEUE, callback=hear)
            while not self._stop.is_set():
                broker.drained(connection, LOOK_SECONDS)
                connection.heartbeat_tick()


def replayed(broker_url: str, until: int) -> list[Recorded]:
    """What the stream kept: from its beginning up to the first time that the position `until` comes, if it does."""
    heard: list[Recorded] = []
    with suppress(Unavailable), broker.connected(broker_url) as connection:
        channel = connection.channel()
        channel.basic_qos(0, PREFETCH, False)

        def hear(message: Any) -> None:
            heard.append(broker.recorded_in(message))
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(broker.STREAM, callback=hear, arguments={"x-stream-offset": "first"})
        while not heard or heard[-1].position < until:
            if not broker.drained(connection, STREAM_SECONDS):
                break
    return heard

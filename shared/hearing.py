"""What a service hears: its queue's messages in batches, and from the log whatever the queue does not bring."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from prometheus_client import Gauge

from shared import broker
from shared.log import Recorded
from shared.looping import keep_going
from shared.runtime import Runtime
from shared.subscription import Subscription

logger = logging.getLogger(__name__)

PREFETCH = 500
CONSUME_SECONDS = 5.0
IDLE_SECONDS = 1.0
GATHER_SECONDS = 0.002

HEARD = Gauge("mentoring_heard_position", "Up to here the service's directory covers the log")


class Hearing:
    """Feeds a service's `Subscription`. Of several copies of the service the broker serves one at a time."""

    def __init__(self, runtime: Runtime, broker_url: str, subscription: Subscription | None = None) -> None:
        self._service = runtime.service.name
        self._types = runtime.heeded
        self._broker_url = broker_url
        self._subscription = subscription or Subscription(runtime)
        self.connected = False

    def run(self, stop: threading.Event) -> None:
        keep_going("hearing", partial(self._hear, stop), stop)

    def _hear(self, stop: threading.Event) -> None:
        """From the log first: there may be much of it, and a broker ends a connection that is silent for long."""
        HEARD.set(self._subscription.catch_up())
        try:
            with broker.connected(self._broker_url) as connection:
                self._consume(connection, stop)
        finally:
            self.connected = False

    def _consume(self, connection: Any, stop: threading.Event) -> None:
        """Acknowledged is what the directory holds. When nothing comes, the checkpoint is compared with the log."""
        arrived: list[Any] = []
        channel = self._subscribed(connection, arrived.append)
        self.connected = True
        while not stop.is_set():
            if not broker.drained(connection, IDLE_SECONDS):
                HEARD.set(self._subscription.catch_up())
            while len(arrived) < PREFETCH and broker.drained(connection, GATHER_SECONDS):
                pass
            if arrived:
                HEARD.set(self._subscription.receive(_in_order(arrived)))
                channel.basic_ack(arrived[-1].delivery_tag, multiple=True)
                arrived.clear()
            connection.heartbeat_tick()

    def _subscribed(self, connection: Any, callback: Callable[[Any], None]) -> Any:
        """A quorum queue that was made just before the broker was killed, or that was there when its disk was full, may
        be there by name afterwards, but nobody can consume it, and the relay waits in vain for it to confirm: it is
        deleted. The log has all that was in it."""
        queue = broker.queue_of(self._service)
        channel = connection.channel()
        broker.declare_exchange(channel)
        channel.basic_qos(0, PREFETCH, False)
        try:
            with broker.patient(connection, CONSUME_SECONDS):
                broker.declare_queue(channel, self._service, self._types)
                channel.basic_consume(queue, callback=callback)
        except broker.NO_ANSWER:
            logger.warning("the queue does not answer: it is made anew", extra={"queue": queue})
            with broker.connected(self._broker_url) as other:
                other.channel().queue_delete(queue)
            raise
        return channel


def _in_order(arrived: list[Any]) -> list[Recorded]:
    """By position, each once: after a takeover the relay may have told some of them twice."""
    events = {event.position: event for message in arrived if (event := _recorded_in(message))}
    return [events[position] for position in sorted(events)]


def _recorded_in(message: Any) -> Recorded | None:
    """What the relay did not write is passed over: whatever happened is in the log."""
    try:
        return broker.recorded_in(message)
    except (KeyError, TypeError, ValueError):
        logger.warning("a message is not an event", extra={"message_id": message.properties.get("message_id")})
        return None

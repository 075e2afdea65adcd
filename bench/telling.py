"""A process that publishes: `python -m bench.telling SIDE EVENTS`. Prints how many events per second were confirmed.

The settings are those of the environment. All go to a quorum queue, persistent, each confirmed.
"""

import sys
import threading
import time
from collections.abc import Callable
from uuid import uuid4

from nameko.standalone.events import event_dispatcher
from sqlalchemy import select, update

from bench import rooms
from services.surroundings import settings_of_environment
from shared import broker
from shared.database import reading, writing
from shared.parts import Parts
from shared.relay import Relay, checkpoints

POLL_SECONDS = 0.02
UNCONFIRMED = 500

settings = settings_of_environment()
url = str(settings.broker_url)


def ours(events: int) -> Callable[[], float]:
    """The relay, from the log's first event on; it fills the stream as well."""
    parts = Parts(settings, "relay")
    with broker.connected(url) as connection:
        channel = connection.channel()
        broker.declare_exchange(channel)
        queue = broker.declare_queue(channel, rooms.SERVICE.name, [rooms.Said.type])

    def publish() -> float:
        _purge(queue)
        with writing(parts.database) as connection:
            connection.execute(update(checkpoints).values(position=0))
        stop = threading.Event()
        relay = threading.Thread(target=Relay(parts.log, parts.database, url).run, args=(stop,))
        began = time.monotonic()
        relay.start()
        while _confirmed(parts) < events:
            time.sleep(POLL_SECONDS)
        rate = events / (time.monotonic() - began)
        stop.set()
        relay.join()
        return rate

    return publish


def peer(events: int) -> Callable[[], float]:
    """nameko's dispatcher, of events that are already in its memory."""
    dispatch = event_dispatcher({"AMQP_URI": url})
    queue = _quorum_queue("peer", "rooms.events")

    def publish() -> float:
        _purge(queue)
        began = time.monotonic()
        for _ in range(events):
            dispatch("rooms", rooms.Said.type, {"room_id": str(uuid4()), "text": rooms.TEXT})
        return events / (time.monotonic() - began)

    return publish


def bare(events: int) -> Callable[[], float]:
    """py-amqp, of messages that are already made."""
    queue = _quorum_queue("bare", "bare.events")
    messages = [broker.message(rooms.recorded(position, uuid4())) for position in range(1, events + 1)]

    def publish() -> float:
        _purge(queue)
        with broker.connected(url) as connection:
            channel = connection.channel()
            channel.confirm_select()
            confirmed = 0

            def acked(tag: int, multiple: bool) -> None:
                nonlocal confirmed
                confirmed = tag if multiple else confirmed + 1

            channel.events["basic_ack"].add(acked)
            began = time.monotonic()
            for number, message in enumerate(messages):
                while number - confirmed >= UNCONFIRMED:
                    broker.drained(connection, 1)
                channel.basic_publish(message, exchange="bare.events", routing_key=rooms.Said.type)
            while confirmed < events:
                broker.drained(connection, 1)
            return events / (time.monotonic() - began)

    return publish


def _quorum_queue(name: str, exchange: str) -> str:
    with broker.connected(url) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=exchange == "rooms.events")
        channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(name, exchange, "#")
    return name


def _purge(queue: str) -> None:
    with broker.connected(url) as connection:
        connection.channel().queue_purge(queue)


def _confirmed(parts: Parts) -> int:
    with reading(parts.database) as connection:
        position: int = connection.execute(select(checkpoints.c.position)).scalar_one()
    return position


SIDES = {"ours": ours, "peer": peer, "bare": bare}


def main(side: str, events: str) -> None:
    publish = SIDES[side](int(events))
    print("ready", flush=True)
    while sys.stdin.readline():
        print(publish(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What bad queues outside cost the relay: one that is full, one that nobody reads, one that never acknowledges. Nothing
but what any queue costs the broker."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from bench import rooms
from bench.measuring import alternating
from bench.place import Place
from bench.processes import Worker, working
from bench.row import Row, at_least
from shared import broker
from shared.log import open_log

RUNS = 3
EVENTS = 15_000
BATCH = 500
LOOK_SECONDS = 0.2
PREFETCH = 500
QUORUM = {"x-queue-type": "quorum"}
FULL = {**QUORUM, "x-max-length-bytes": 20_000, "x-overflow": "drop-head"}
BAD: Mapping[str, Mapping[str, Any]] = {"sub.full": FULL, "sub.unread": QUORUM, "sub.hoarding": QUORUM}
GOOD: Mapping[str, Mapping[str, Any]] = {"sub.one": QUORUM, "sub.two": QUORUM, "sub.three": QUORUM}


def beside_outsiders(place: Place) -> list[Row]:
    """The same relay by turns: three bad queues at its exchange, three that are read, none."""
    settings = rooms.installed(place)
    url = str(settings.broker_url)
    log = open_log(settings.database_url)
    for _ in range(EVENTS // BATCH):
        log.append([rooms.said(uuid4()) for _ in range(BATCH)])
    log.close()
    relay = place.keep(working("bench.telling", "ours", str(EVENTS), environment=rooms.environment(settings)))
    measured = alternating(
        RUNS,
        ours=lambda: _with(BAD, ("sub.hoarding",), False, url, relay),
        peer=lambda: _with(GOOD, GOOD, True, url, relay),
        alone=relay.done,
    )
    return [
        Row(
            name="outsiders",
            unit="events/s",
            ours=measured["ours"].value,
            peer_name="three outside queues that are read",
            peer=measured["peer"].value,
            limit_name="no queue outside",
            limit=measured["alone"].value,
            goals=(at_least(0.9, "peer"),),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


def _with(
    queues: Mapping[str, Mapping[str, Any]], consumed: Iterable[str], acknowledged: bool, url: str, relay: Worker
) -> float:
    """How fast the relay is with these queues, which are gone afterwards."""
    with broker.connected(url) as connection:
        channel = connection.channel()
        for name, arguments in queues.items():
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
            channel.queue_bind(name, broker.EXCHANGE, "#")
    try:
        with _consuming(consumed, acknowledged, url):
            return relay.done()
    finally:
        with broker.connected(url) as connection:
            for name in queues:
                connection.channel().queue_delete(name)


@contextmanager
def _consuming(queues: Iterable[str], acknowledged: bool, url: str) -> Iterator[None]:
    """Somebody is given what comes; who acknowledges nothing is given it without end."""
    stop = threading.Event()
    consumer = threading.Thread(target=_consume, args=(queues, acknowledged, url, stop))
    consumer.start()
    try:
        yield
    finally:
        stop.set()
        consumer.join()


def _consume(queues: Iterable[str], acknowledged: bool, url: str, stop: threading.Event) -> None:
    with broker.connected(url) as connection:
        channel = connection.channel()

        def take(message: Any) -> None:
            if acknowledged:
                channel.basic_ack(message.delivery_tag)

        channel.basic_qos(0, PREFETCH if acknowledged else 0, False)
        for queue in queues:
            channel.basic_consume(queue, callback=take)
        while not stop.is_set():
            broker.drained(connection, LOOK_SECONDS)
            connection.heartbeat_tick()


BENCHMARKS = {"outsiders": beside_outsiders}

"""From an append that is committed to a subscriber outside who has it, at 200 events per second."""

import json
import time
from collections.abc import Callable
from statistics import quantiles
from uuid import uuid4

from nameko.standalone.events import event_dispatcher

from bench import rooms
from bench.measuring import measured
from bench.place import Place
from bench.processes import serving, working
from bench.row import Row, at_most
from deploy.fleet import Process, free_ports
from shared import broker
from shared.log import EventLog, open_log

RUNS = 3
EVENTS = 600
PER_SECOND = 200
PERCENTILES = {"p50": 10.0, "p99": 50.0}

Send = Callable[[], tuple[str, float]]
"""Sends one event; its id, and the moment from which on it counts."""


def latencies(place: Place) -> list[Row]:
    settings = rooms.installed(place)
    url = str(settings.broker_url)
    environment = rooms.environment(settings)
    port = free_ports(1)
    telling = {**environment, "MENTORING_METRICS_PORT": str(port)}
    place.keep(serving(Process("relay", ["start", "relay"], telling, place.folder(), port)))
    sends = {"ours": _append(open_log(settings.database_url)), "peer": _dispatch(url)}
    with broker.connected(url) as connection:
        channel = connection.channel()
        broker.declare_exchange(channel)
        channel.exchange_declare("rooms.events", "topic", durable=True, auto_delete=True)
    outside = {
        side: place.keep(working("bench.outside", url, exchange, str(EVENTS), environment=environment))
        for side, exchange in (("ours", broker.EXCHANGE), ("peer", "rooms.events"))
    }
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sends}
    for _ in range(RUNS):
        for side, send in sends.items():
            outside[side].go()
            sent = _paced(send)
            came: dict[str, float] = json.loads(outside[side].told())
            cut = quantiles([(came[event] - moment) * 1000 for event, moment in sent.items()], n=100)
            found[side].append({"p50": cut[49], "p99": cut[98]})
    return [_row(percentile, found) for percentile in PERCENTILES]


def _row(percentile: str, found: dict[str, list[dict[str, float]]]) -> Row:
    sides = {side: measured([one[percentile] for one in runs]) for side, runs in found.items()}
    return Row(
        name=f"latency_{percentile}",
        unit="ms",
        ours=sides["ours"].value,
        peer_name="nameko's EventDispatcher, no log",
        peer=sides["peer"].value,
        goals=(at_most(PERCENTILES[percentile]),),
        spread={side: one.spread for side, one in sides.items()},
    )


def _paced(send: Send) -> dict[str, float]:
    """Each at its time, as far as the one before is done."""
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number in range(EVENTS):
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        event, moment = send()
        sent[event] = moment
    return sent


def _append(log: EventLog) -> Send:
    def send() -> tuple[str, float]:
        append = rooms.said(uuid4())
        log.append([append])
        return str(append.entries[0].event_id), time.monotonic()

    return send


def _dispatch(url: str) -> Send:
    """The moment is that before: it returns when the broker has confirmed, and then the subscriber may have it."""
    dispatch = event_dispatcher({"AMQP_URI": url})

    def send() -> tuple[str, float]:
        event, moment = str(uuid4()), time.monotonic()
        dispatch("rooms", rooms.Said.type, {"id": event, "text": rooms.TEXT})
        return event, moment

    return send


BENCHMARKS = {"latency": latencies}

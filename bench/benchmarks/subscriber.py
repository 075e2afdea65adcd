"""A subscriber inside: how many events per second come from its queue into its directory, committed, acknowledged."""

import time
from collections.abc import Callable
from uuid import uuid4

import amqp
import psycopg

from bench import rooms
from bench.measuring import alternating
from bench.place import Place, connect
from bench.processes import hosted, working
from bench.row import Row, at_least
from shared import broker
from shared.relay import Window
from shared.settings import Settings

RUNS = 3
EVENTS = {"ours": 10_000, "peer": 1_000}
ROOMS = 100
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 60.0

PEERS_TABLE = "CREATE TABLE peer_rooms (room_id uuid PRIMARY KEY, times integer NOT NULL)"
PEERS_QUEUE = "evt-rooms-rooms.said--peer.said"
OURS = "SELECT coalesce(sum(times), 0) FROM rooms.rooms"
PEERS = "SELECT coalesce(sum(times), 0) FROM peer_rooms"


def heard(place: Place) -> list[Row]:
    settings = rooms.installed(place)
    database = place.keep(connect(settings.database_url))
    database.execute(PEERS_TABLE)
    measured = alternating(RUNS, ours=_ours(settings, database), peer=_peer(settings, database))
    return [
        Row(
            name="subscriber",
            unit="events/s",
            ours=measured["ours"].value,
            peer_name="nameko's event_handler",
            peer=measured["peer"].value,
            goals=(at_least(8, "peer"),),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


def _ours(settings: Settings, database: psycopg.Connection) -> Callable[[], float]:
    """The log is empty, so all comes from the queue."""

    def run() -> float:
        database.execute("TRUNCATE rooms.rooms; UPDATE rooms.checkpoints SET position = 0")
        with broker.connected(str(settings.broker_url)) as connection:
            channel = connection.channel()
            broker.declare_exchange(channel)
            queue = broker.declare_queue(channel, rooms.SERVICE.name, [rooms.Said.type])
            _fill(connection, channel, queue, EVENTS["ours"])
        with working("bench.hearers", environment=rooms.environment(settings)):
            return _rate(database, OURS, EVENTS["ours"])

    return run


def _peer(settings: Settings, database: psycopg.Connection) -> Callable[[], float]:
    """Its queue is bound as nameko binds it."""

    def run() -> float:
        database.execute("TRUNCATE peer_rooms")
        with broker.connected(str(settings.broker_url)) as connection:
            channel = connection.channel()
            channel.queue_declare(PEERS_QUEUE, durable=True, auto_delete=False)
            _fill(connection, channel, PEERS_QUEUE, EVENTS["peer"])
        with hosted("bench.peers.hearing", str(settings.broker_url), rooms.environment(settings)):
            return _rate(database, PEERS, EVENTS["peer"])

    return run


def _fill(connection: amqp.Connection, channel: amqp.Channel, queue: str, events: int) -> None:
    """Straight into the queue, by the default exchange."""
    people = [uuid4() for _ in range(ROOMS)]
    channel.queue_purge(queue)
    channel.confirm_select()
    window = Window(0)
    channel.events["basic_ack"].add(window.acked)
    for position in range(1, events + 1):
        message = broker.message(rooms.recorded(position, people[position % ROOMS]))
        channel.basic_publish(message, exchange="", routing_key=queue)
        window.published(position)
    while window.unconfirmed:
        broker.drained(connection, 1)


def _rate(database: psycopg.Connection, query: str, events: int) -> float:
    """From the first that is committed to the last: what it takes to start does not count."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (first := _count(database, query)):
        _require(until)
    began = time.monotonic()
    while _count(database, query) < events:
        _require(until)
    return (events - first) / (time.monotonic() - began)


def _require(until: float) -> None:
    if time.monotonic() > until:
        raise RuntimeError("not all events were heard in time")
    time.sleep(POLL_SECONDS)


def _count(database: psycopg.Connection, query: str) -> int:
    (count,) = database.execute(query).fetchone() or (0,)
    return int(count)


BENCHMARKS = {"subscriber": heard}

"""From an append that is committed to a subscriber outside who has it, at 200 events per second."""

import json
from statistics import quantiles

from bench import rooms
from bench.measuring import measured
from bench.place import Place
from bench.processes import Worker, serving, working
from bench.row import Row, at_most
from deploy.fleet import Process, free_ports
from shared import broker

RUNS = 3
EVENTS = 600
PER_SECOND = 200
PERCENTILES = {"p50": 10.0, "p99": 50.0}
EXCHANGES = {"ours": broker.EXCHANGE, "peer": "rooms.events"}


def latencies(place: Place) -> list[Row]:
    settings = rooms.installed(place)
    url, environment, port = str(settings.broker_url), rooms.environment(settings), free_ports(1)
    with broker.connected(url) as connection:
        channel = connection.channel()
        broker.declare_exchange(channel)
        channel.exchange_declare(EXCHANGES["peer"], "topic", durable=True, auto_delete=True)
    telling = {**environment, "MENTORING_METRICS_PORT": str(port)}
    place.keep(serving(Process("relay", ["start", "relay"], telling, place.folder(), port)))
    pairs = {
        side: (
            place.keep(working("bench.paced", side, str(EVENTS), str(PER_SECOND), environment=environment)),
            place.keep(working("bench.outside", url, exchange, str(EVENTS), environment=environment)),
        )
        for side, exchange in EXCHANGES.items()
    }
    runs = [{side: _percentiles(*pair) for side, pair in pairs.items()} for _ in range(RUNS)]
    return [_row(percentile, runs) for percentile in PERCENTILES]


def _percentiles(sending: Worker, outside: Worker) -> dict[str, float]:
    """In milliseconds."""
    outside.go()
    sending.go()
    sent: dict[str, float] = json.loads(sending.told())
    came: dict[str, float] = json.loads(outside.told())
    cuts = quantiles([(came[event] - moment) * 1000 for event, moment in sent.items()], n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def _row(percentile: str, runs: list[dict[str, dict[str, float]]]) -> Row:
    sides = {side: measured([run[side][percentile] for run in runs]) for side in EXCHANGES}
    return Row(
        name=f"latency_{percentile}",
        unit="ms",
        ours=sides["ours"].value,
        peer_name="nameko's EventDispatcher, no log",
        peer=sides["peer"].value,
        goals=(at_most(PERCENTILES[percentile]),),
        spread={side: one.spread for side, one in sides.items()},
    )


BENCHMARKS = {"latency": latencies}

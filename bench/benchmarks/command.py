"""A command over HTTP, from the request to the answer that shows its effect: durable by then, and visible."""

import time
from statistics import median

from bench.measuring import alternating
from bench.pairs import Pair, pair
from bench.place import Place
from bench.processes import hosted, working
from bench.row import Row, at_most

RUNS = 5
COMMANDS = 60


def answered(place: Place) -> list[Row]:
    """A message is posted: gateway, RPC, append, views, gateway. One at a time, as the peer's calls are."""
    found = pair(place)
    broker = found.fleet.environment["MENTORING_BROKER_URL"]
    place.keep(hosted("bench.peers.echoing", broker, {}))
    caller = place.keep(working("bench.peers.echoing", broker, str(COMMANDS)))
    measured = alternating(RUNS, ours=lambda: _posting(found), peer=caller.done)
    return [
        Row(
            name="command",
            unit="ms, p50",
            ours=measured["ours"].value,
            peer_name="bare nameko RPC",
            peer=measured["peer"].value,
            goals=(at_most(3, "peer"),),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


def _posting(found: Pair) -> float:
    """The median in milliseconds."""
    return median(_milliseconds(found) for _ in range(COMMANDS))


def _milliseconds(found: Pair) -> float:
    path = f"/v1/relationships/{found.journey.relationship}/messages"
    began = time.perf_counter()
    answer = found.journey.mentee.ask("POST", path, json={"text": "Shall we talk on Thursday?"})
    taken = (time.perf_counter() - began) * 1000
    if answer.status_code != 201:
        raise RuntimeError(f"{answer.status_code} {answer.text}")
    return taken


BENCHMARKS = {"command": answered}

"""A command over HTTP, from the request to the answer that shows its effect: durable by then, and visible."""

import time
from contextlib import closing
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlsplit

from bench.measuring import alternating
from bench.pairs import Pair, pair
from bench.place import Place
from bench.processes import hosted, working
from bench.row import Row, at_most

RUNS = 5
COMMANDS = 60
MESSAGE = b'{"text": "Shall we talk on Thursday?"}'


def answered(place: Place) -> list[Row]:
    """A message is posted: gateway, RPC, append, views, gateway. One at a time, as the peer's calls are, by the barest
    of clients: it is not what is measured."""
    found = pair(place)
    client = place.keep(closing(HTTPConnection(urlsplit(found.fleet.url).netloc)))
    post = partial(_post, client, found)
    broker = found.fleet.environment["MENTORING_BROKER_URL"]
    place.keep(hosted("bench.peers.echoing", broker, {}))
    caller = place.keep(working("bench.peers.echoing", broker, str(COMMANDS)))
    measured = alternating(RUNS, ours=lambda: median(post() for _ in range(COMMANDS)), peer=caller.done)
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


def _post(client: HTTPConnection, found: Pair) -> float:
    """How many milliseconds it took."""
    path = f"/v1/relationships/{found.journey.relationship}/messages"
    headers = {"Authorization": f"Bearer {found.token}", "Content-Type": "application/json"}
    began = time.perf_counter()
    client.request("POST", path, MESSAGE, headers)
    answer = client.getresponse()
    told = answer.read()
    taken = (time.perf_counter() - began) * 1000
    if answer.status != HTTPStatus.CREATED:
        raise RuntimeError(f"{answer.status} {told.decode()}")
    return taken


BENCHMARKS = {"command": answered}

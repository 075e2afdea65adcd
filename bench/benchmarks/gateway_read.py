"""How many authenticated reads of a relationship one gateway answers per second: one process on every side, asked over
the same number of connections by the same client.

The gateway does more than the others: it opens what is sealed, looks up what the two are called, counts its requests.
"""

import time
from collections.abc import Callable
from functools import partial

from bench.load import requests_per_second
from bench.measuring import Measured, alternating
from bench.pairs import Pair, pair
from bench.place import Place
from bench.processes import hosted, serving
from bench.row import Goal, Row, at_least
from deploy.fleet import Process, free_ports

RUNS = 4
SECONDS = 2.0
PATIENCE_SECONDS = 30.0


class Bare(Process):
    program = "uvicorn"


def beside_a_route(place: Place) -> list[Row]:
    found = _only_the_gateway(pair(place))
    bare = _bare(place, found, "reading")
    measured = alternating(
        RUNS,
        ours=_reading(found),
        peer=_asking(found, f"{bare}/relationships"),
        limit=_asking(found, f"{bare}/as_json"),
    )
    return [
        _row("gateway_read", measured, "bare FastAPI route", "it, passing PostgreSQL's JSON on", at_least(0.8, "peer"))
    ]


def beside_rpc(place: Place) -> list[Row]:
    """The peer is what a platform without views would have instead: a bare FastAPI route that authenticates and asks a
    nameko service, which reads the same row. So both are asked over HTTP, and only the way to the row differs."""
    found = _only_the_gateway(pair(place))
    environment = found.fleet.environment
    place.keep(hosted("bench.peers.calling", environment["MENTORING_BROKER_URL"], environment))
    asking = _asking(found, f"{_bare(place, found, 'asking')}/relationships")
    _patiently(asking)
    measured = alternating(RUNS, ours=_reading(found), peer=asking)
    return [_row("gateway_read_rpc", measured, "bare FastAPI route over nameko RPC", None, at_least(3, "peer"))]


def _bare(place: Place, found: Pair, name: str) -> str:
    """The URL of an application of the peers."""
    port = free_ports(1)
    command = [f"bench.peers.{name}:app", "--port", str(port), "--no-access-log"]
    place.keep(serving(Bare(name, command, found.fleet.environment, found.fleet.folder, port)))
    return f"http://127.0.0.1:{port}"


def _patiently(ask: Callable[[], float]) -> None:
    """Until the service is there to answer."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            ask()
            return
        except RuntimeError:
            if time.monotonic() > until:
                raise


def _only_the_gateway(found: Pair) -> Pair:
    for name, process in found.fleet.processes.items():
        if name != "gateway":
            process.stop()
    return found


def _reading(found: Pair) -> Callable[[], float]:
    return _asking(found, f"{found.fleet.url}/v1/relationships")


def _asking(found: Pair, where: str) -> Callable[[], float]:
    return partial(requests_per_second, f"{where}/{found.journey.relationship}", found.token, SECONDS)


def _row(name: str, measured: dict[str, Measured], peer_name: str, limit_name: str | None, goal: Goal) -> Row:
    return Row(
        name=name,
        unit="reads/s",
        ours=measured["ours"].value,
        peer_name=peer_name,
        peer=measured["peer"].value,
        limit_name=limit_name,
        limit=measured["limit"].value if limit_name else None,
        goals=(goal,),
        spread={side: one.spread for side, one in measured.items()},
    )


BENCHMARKS = {"gateway_read": beside_a_route, "gateway_read_rpc": beside_rpc}

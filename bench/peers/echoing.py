"""A bare nameko RPC: the service, and `python -m bench.peers.echoing BROKER CALLS`, who calls it again and
again and tells the median of what a call takes, in milliseconds."""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from nameko.exceptions import UnknownService
from nameko.rpc import rpc
from nameko.standalone.rpc import ClusterRpcProxy

PATIENCE_SECONDS = 30.0


class EchoService:
    name = "echo"

    @rpc  # type: ignore[untyped-decorator]  # nameko carries no types
    def say(self, text: str) -> str:
        return text


def main(broker: str, calls: str) -> None:
    with ClusterRpcProxy({"AMQP_URI": broker}) as cluster:
        _patiently(lambda: cluster.echo.say("ready"))
        print("ready", flush=True)
        while sys.stdin.readline():
            print(median(_milliseconds(cluster.echo.say) for _ in range(int(calls))), flush=True)


def _patiently(call: Callable[[], object]) -> None:
    """Until the service is there to answer."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            call()
            return
        except UnknownService:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _milliseconds(say: Any) -> float:
    began = time.perf_counter()
    say("Shall we talk on Thursday?")
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])

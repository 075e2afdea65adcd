"""The same read over nameko's RPC: the service, and `python -m bench.peers.calling BROKER RELATIONSHIP TOKEN SECONDS`,
its callers, each in a thread with a connection of its own."""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from typing import Any
from uuid import UUID

from nameko.exceptions import UnknownService
from nameko.rpc import rpc
from nameko.standalone.rpc import ClusterRpcProxy

from bench.peers.row import Rows

CALLERS = 4
PATIENCE_SECONDS = 30.0

rows = cache(Rows)


class RelationshipsService:
    name = "relationships"

    @rpc  # type: ignore[untyped-decorator]  # nameko carries no types
    def ready(self) -> None:
        """It answers."""

    @rpc  # type: ignore[untyped-decorator]  # nameko carries no types
    def show(self, relationship_id: str, token: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(rows().as_json(UUID(relationship_id), token))
        return shown


def main(broker: str, relationship: str, token: str, seconds: str) -> None:
    with ExitStack() as stack:
        config = {"AMQP_URI": broker}
        clusters = [stack.enter_context(ClusterRpcProxy(config)) for _ in range(CALLERS)]
        patiently(clusters[0].relationships.ready)
        pool = stack.enter_context(ThreadPoolExecutor(CALLERS))
        print("ready", flush=True)
        while sys.stdin.readline():
            ask = partial(_answered, arguments=(relationship, token), seconds=float(seconds))
            print(sum(pool.map(ask, (cluster.relationships.show for cluster in clusters))), flush=True)


def patiently(call: Callable[[], object]) -> None:
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


def _answered(ask: Callable[[str, str], object], arguments: tuple[str, str], seconds: float) -> int:
    until = time.monotonic() + seconds
    answered = 0
    while time.monotonic() < until:
        ask(*arguments)
        answered += 1
    return answered


if __name__ == "__main__":
    main(*sys.argv[1:])

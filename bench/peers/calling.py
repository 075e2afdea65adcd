"""The same read over nameko's RPC: the service, and `python -m bench.peers.calling BROKER RELATIONSHIP TOKEN SECONDS`,
its caller, who keeps 16 calls under way."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

from nameko.exceptions import UnknownService
from nameko.rpc import rpc
from nameko.standalone.rpc import ClusterRpcProxy

from bench.peers.row import Rows

CALLS = 16
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
    with ClusterRpcProxy({"AMQP_URI": broker}) as cluster:
        patiently(cluster.relationships.ready)
        print("ready", flush=True)
        while sys.stdin.readline():
            print(_answered(cluster.relationships.show, (relationship, token), float(seconds)), flush=True)


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


def _answered(ask: Any, arguments: tuple[str, str], seconds: float) -> int:
    until = time.monotonic() + seconds
    under_way = deque(ask.call_async(*arguments) for _ in range(CALLS))
    answered = 0
    while time.monotonic() < until:
        under_way.popleft().result()
        under_way.append(ask.call_async(*arguments))
        answered += 1
    for last in under_way:
        last.result()
    return answered


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A nameko service that reads a relationship's row, for whoever asks by RPC."""

from functools import cache
from typing import Any
from uuid import UUID

import orjson
from nameko.rpc import rpc

from bench.peers.row import RowsOfGreenThreads

rows = cache(RowsOfGreenThreads)


class RelationshipsService:
    name = "relationships"

    @rpc  # type: ignore[untyped-decorator]  # nameko carries no types
    def show(self, payload: dict[str, str]) -> dict[str, Any]:
        found = rows().as_json(UUID(payload["relationship_id"]), UUID(payload["person"]))
        return {"done": {"result": orjson.loads(found)}}

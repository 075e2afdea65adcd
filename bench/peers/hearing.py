"""The same work by nameko's `event_handler`: a row remembers how often it was talked in its room."""

from functools import cache
from typing import Any

import psycopg
from nameko.events import event_handler

from bench.place import plain
from services.surroundings import settings_of_environment

COUNTED = (
    "INSERT INTO peer_rooms VALUES (%s, 1)"
    " ON CONFLICT (room_id) DO UPDATE SET times = peer_rooms.times + excluded.times"
)


@cache
def connection() -> psycopg.Connection[Any]:
    return psycopg.connect(plain(settings_of_environment().database_url), autocommit=True)


class Peer:
    name = "peer"

    @event_handler("rooms", "rooms.said")  # type: ignore[untyped-decorator]  # nameko carries no types
    def said(self, payload: dict[str, Any]) -> None:
        connection().execute(COUNTED, (payload["data"]["room_id"],))

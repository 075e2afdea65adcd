"""What the benchmarks of log and delivery are about: something is said in a room, and somebody remembers how often."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import Column, Integer, Uuid

from bench.place import Place
from shared import relay
from shared.database import install_owner
from shared.ids import NIL, new_id
from shared.keys import make_keys
from shared.log import Append, Entry, Recorded, install_log
from shared.messages import Event
from shared.parts import Parts
from shared.projection import Key, Row, View
from shared.service import Service
from shared.settings import Settings

TEXT = "Shall we talk about the first chapter on Thursday, before your call with the others? " * 2


class Said(Event, type="rooms.said"):
    room_id: UUID
    text: str


def said(room_id: UUID) -> Append:
    """One event on a stream of its own."""
    command_id = new_id()
    data = orjson.dumps({"room_id": room_id, "text": TEXT}).decode()
    entry = Entry(new_id(), Said.type, 1, room_id, datetime.now(UTC), data)
    return Append(f"room-{command_id}", 0, command_id, b"0" * 32, NIL, str(room_id), command_id, None, (entry,))


def recorded(position: int, room_id: UUID) -> Recorded:
    """As if it stood in the log there."""
    append = said(room_id)
    (entry,) = append.entries
    return Recorded(
        position=position,
        event_id=entry.event_id,
        stream=append.stream,
        version=1,
        type=entry.type,
        schema_version=entry.schema_version,
        subject=entry.subject,
        program=append.program,
        actor=append.actor,
        command_id=append.command_id,
        correlation_id=append.correlation_id,
        causation_id=None,
        occurred_at=entry.occurred_at,
        recorded_at=entry.occurred_at,
        data=entry.data,
        hash=bytes(32),
    )


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.room_id,)] if isinstance(event, Said) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    return {"room_id": recorded.subject, "times": (row["times"] if row else 0) + 1}


ROOMS = View(
    "rooms", (Column("room_id", Uuid, primary_key=True), Column("times", Integer, nullable=False)), _keys, _evolve
)
SERVICE = Service("rooms", sys.modules[__name__], directory=(ROOMS,))
OWNERS = (SERVICE.name, "relay")


def installed(place: Place) -> Settings:
    """A log, the relay's checkpoint and the service's directory, all empty, and a broker."""
    settings = Settings(database_url=place.database(), broker_url=place.broker(), secrets_dir=place.folder())
    for owner in OWNERS:
        install_owner(settings.database_url, owner)
    install_log(settings.database_url, OWNERS[:1], OWNERS[1:])
    make_keys(settings.secrets_dir)
    parts = Parts(settings, SERVICE.name)
    with parts.database.begin() as connection:
        parts.runtime(SERVICE).install(connection)
    relay.install(parts.of("relay").database)
    parts.close()
    return settings


def environment(settings: Settings) -> dict[str, str]:
    """By which a process finds the same."""
    return {
        "MENTORING_DATABASE_URL": settings.database_url,
        "MENTORING_BROKER_URL": str(settings.broker_url),
        "MENTORING_SECRETS_DIR": str(settings.secrets_dir),
    }

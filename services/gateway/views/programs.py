"""Programmes, and whose they are."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Select, String, Uuid, and_, case, or_, select
from sqlalchemy import Row as Found

from services.gateway.views import people
from services.identity.events import (
    ProgramCreated,
    RosterImported,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
    WebhookReplayRequested,
)
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

_ITS_OWN = (
    ProgramCreated,
    RosterImported,
    WebhookRegistered,
    WebhookRemoved,
    WebhookEnabled,
    WebhookReplayRequested,
)


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.program_id,)] if isinstance(event, _ITS_OWN) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    now = {"version": recorded.version, "position": recorded.position}
    if isinstance(event, ProgramCreated):
        return {"program": event.program_id, "name": event.name, "coordinator_id": event.coordinator_id, **now}
    return row and {**row, **now}


VIEW = View(
    "programs",
    (
        Column("program", Uuid, primary_key=True),
        Column("name", String(200), nullable=False),
        Column("coordinator_id", Uuid, nullable=False),
        Column("version", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("coordinator_id",),),
    of=_ITS_OWN,
    begun_by=(ProgramCreated,),
)

table = VIEW.table(MetaData())


def program_for(connection: Connection, person: UUID, program: UUID) -> Found[Any] | None:
    """With the person's `role` in it: coordinator, mentor or mentee. None where they have none."""
    return connection.execute(_seen_by(person).where(table.c.program == program)).one_or_none()


def programs_of(connection: Connection, person: UUID) -> Sequence[Found[Any]]:
    return connection.execute(_seen_by(person).order_by(table.c.program)).all()


def _seen_by(person: UUID) -> Select[Any]:
    enrolled = and_(people.table.c.program == table.c.program, people.table.c.person_id == person)
    coordinates = table.c.coordinator_id == person
    role = case((coordinates, "coordinator"), else_=people.table.c.role).label("role")
    seen = table.outerjoin(people.table, enrolled)
    return select(table, role).select_from(seen).where(or_(coordinates, people.table.c.person_id.is_not(None)))

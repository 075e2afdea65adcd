"""What people are matched by, in plain: it must be scored. Erasing a person deletes their row."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import JSON, Column, Connection, Integer, MetaData, String, Text, Uuid, select
from sqlalchemy import Row as Found

from services.identity.events import EnrolmentErased, EnrolmentRevised, PersonEnrolled
from shared.log import Recorded
from shared.messages import Event, Sealed
from shared.projection import Key, Row, View

SCORED = ("external_id", "role", "headline", "timezone", "capacity")
LISTS = ("languages", "skills", "wants")

Concerning = PersonEnrolled | EnrolmentRevised | EnrolmentErased


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.program_id, event.person_id)] if isinstance(event, Concerning) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    if not isinstance(event, PersonEnrolled | EnrolmentRevised):
        return None if isinstance(event, EnrolmentErased) else row
    if any(isinstance(getattr(event, name), Sealed) for name in event.personal_fields()):
        return None
    return {
        "program": event.program_id,
        "person_id": event.person_id,
        **{name: getattr(event, name) for name in SCORED},
        **{name: list(getattr(event, name)) for name in LISTS},
    }


OPENED = View(
    "profiles",
    (
        Column("program", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("external_id", String(100), nullable=False),
        Column("role", String(10), nullable=False),
        Column("headline", Text, nullable=False),
        Column("timezone", String(100), nullable=False),
        Column("languages", JSON, nullable=False),
        Column("skills", JSON, nullable=False),
        Column("wants", JSON, nullable=False),
        Column("capacity", Integer, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("program", "role"),),
    of=get_args(Concerning),
    begun_by=(PersonEnrolled,),
)

table = OPENED.table(MetaData())


def profile(connection: Connection, program: UUID, person: UUID) -> Found[Any] | None:
    mine = (table.c.program == program, table.c.person_id == person)
    return connection.execute(select(table).where(*mine)).one_or_none()


def mentors_of(connection: Connection, program: UUID) -> Sequence[Found[Any]]:
    return connection.execute(select(table).where(table.c.program == program, table.c.role == "mentor")).all()

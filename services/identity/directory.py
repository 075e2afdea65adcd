"""What identity remembers: in which programmes somebody is enrolled, and who was erased."""

from collections.abc import Iterable

from sqlalchemy import Column, String, Uuid

from services.identity.events import PersonEnrolled, PersonErased
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, View


def _enrolments(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.person_id, event.program_id)] if isinstance(event, PersonEnrolled) else []


def _erasures(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.person_id,)] if isinstance(event, PersonErased) else []


ENROLMENTS = View(
    "enrolments",
    (
        Column("person_id", Uuid, primary_key=True),
        Column("program_id", Uuid, primary_key=True),
        Column("enrolment_id", Uuid, nullable=False),
    ),
    _enrolments,
    lambda row, event, recorded: event.model_dump(include={"person_id", "program_id", "enrolment_id"}),
    begun_by=(PersonEnrolled,),
)

ERASED = View(
    "erased",
    (Column("person_id", Uuid, primary_key=True), Column("reason", String(30), nullable=False)),
    _erasures,
    lambda row, event, recorded: event.model_dump(include={"person_id", "reason"}),
    begun_by=(PersonErased,),
)

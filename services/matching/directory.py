"""What matching remembers: who takes part in which programme, and which requests await an answer."""

from collections.abc import Iterable

from sqlalchemy import Column, Integer, String, Uuid

from services.matching.commands import ExpireRequest
from services.matching.events import (
    MentorRequested,
    RequestAccepted,
    RequestDeclined,
    RequestExpired,
    RequestWithdrawn,
)
from services.matching.heard import EnrolmentRevised, PersonEnrolled
from shared.deadlines import Due, Settled, deadlines
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

REQUEST_EXPIRY = "request_expiry"


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.program_id, event.person_id)] if isinstance(event, PersonEnrolled | EnrolmentRevised) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    return event.model_dump()


def _due(event: Event) -> Due | Settled | None:
    match event:
        case MentorRequested(relationship_id=relationship_id, expires_at=expires_at):
            expire = ExpireRequest(relationship_id=relationship_id, at=expires_at)
            return Due(relationship_id, REQUEST_EXPIRY, expire)
        case RequestAccepted() | RequestDeclined() | RequestWithdrawn() | RequestExpired():
            return Settled(event.relationship_id, REQUEST_EXPIRY)
        case _:
            return None


ENROLMENTS = View(
    "enrolments",
    (
        Column("program_id", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("role", String(10), nullable=False),
        Column("capacity", Integer, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("person_id",),),
)

DEADLINES = deadlines(_due)

"""What matching remembers: who takes part in which programme, who is in which open relationship, and which requests
await an answer."""

from collections.abc import Iterable

from sqlalchemy import Column, Integer, String, Uuid

from services.matching.commands import ExpireRequest
from services.matching.events import (
    MentorRequested,
    RelationshipCompleted,
    RelationshipDissolved,
    RelationshipEnded,
    RequestAccepted,
    RequestDeclined,
    RequestExpired,
    RequestWithdrawn,
)
from services.matching.heard import EnrolmentErased, EnrolmentRevised, PersonEnrolled
from shared.deadlines import Due, Settled, deadlines
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

REQUEST_EXPIRY = "request_expiry"

Closing = (
    RequestDeclined
    | RequestWithdrawn
    | RequestExpired
    | RelationshipCompleted
    | RelationshipEnded
    | RelationshipDissolved
)


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    concerning = PersonEnrolled | EnrolmentRevised | EnrolmentErased
    return [(event.program_id, event.person_id)] if isinstance(event, concerning) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    return None if isinstance(event, EnrolmentErased) else event.model_dump()


def _relationships(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.relationship_id,)] if isinstance(event, MentorRequested | Closing) else []


def _evolve_relationship(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    if isinstance(event, MentorRequested):
        return event.model_dump(include={"relationship_id", "mentor_id", "mentee_id"})
    return None


def _due(event: Event) -> Due | Settled | None:
    match event:
        case MentorRequested(relationship_id=relationship_id, expires_at=expires_at):
            expire = ExpireRequest(relationship_id=relationship_id, at=expires_at)
            return Due(relationship_id, REQUEST_EXPIRY, expire)
        case RequestAccepted() | RequestDeclined() | RequestWithdrawn() | RequestExpired() | RelationshipDissolved():
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
    begun_by=(PersonEnrolled,),
)

RELATIONSHIPS = View(
    "relationships",
    (
        Column("relationship_id", Uuid, primary_key=True),
        Column("mentor_id", Uuid, nullable=False),
        Column("mentee_id", Uuid, nullable=False),
    ),
    _relationships,
    _evolve_relationship,
    indexes=(("mentor_id",), ("mentee_id",)),
    begun_by=(MentorRequested,),
)

DEADLINES = deadlines(_due, begun_by=(MentorRequested,))

"""What goals remembers of relationships: who is in one, and whether they work together."""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from sqlalchemy import Column, String, Uuid

from services.goals import heard
from services.goals.domain import Phase, Relationship
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View
from shared.runtime import Reader

Heard = (
    heard.RequestAccepted
    | heard.RelationshipActivated
    | heard.RelationshipPaused
    | heard.RelationshipResumed
    | heard.ConclusionBegun
    | heard.RelationshipCompleted
    | heard.RelationshipEnded
    | heard.RelationshipDissolved
)


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.relationship_id,)] if isinstance(event, Heard) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    assert isinstance(event, Heard)
    if isinstance(event, heard.RequestAccepted | heard.RelationshipActivated):
        row = {
            "relationship_id": event.relationship_id,
            "mentor_id": event.mentor_id,
            "mentee_id": event.mentee_id,
            "program": recorded.program,
        }
    return None if row is None else {**row, "phase": _phase(event).value}


def _phase(event: Heard) -> Phase:
    match event:
        case heard.RequestAccepted():
            return Phase.AGREEING
        case heard.RelationshipActivated() | heard.RelationshipResumed():
            return Phase.ACTIVE
        case heard.RelationshipPaused():
            return Phase.PAUSED
        case heard.ConclusionBegun():
            return Phase.CONCLUDING
        case heard.RelationshipCompleted() | heard.RelationshipEnded() | heard.RelationshipDissolved():
            return Phase.OVER
        case _:
            assert_never(event)


RELATIONSHIPS = View(
    "relationships",
    (
        Column("relationship_id", Uuid, primary_key=True),
        Column("mentor_id", Uuid, nullable=False),
        Column("mentee_id", Uuid, nullable=False),
        Column("program", Uuid, nullable=False),
        Column("phase", String(20), nullable=False),
    ),
    _keys,
    _evolve,
    begun_by=(heard.RequestAccepted,),
)


def relationship(relationship_id: UUID, reader: Reader) -> Relationship | None:
    """The relationship as far as it was heard of."""
    row = reader.one(RELATIONSHIPS, relationship_id)
    return None if row is None else Relationship(row["mentor_id"], row["mentee_id"], Phase(row["phase"]))

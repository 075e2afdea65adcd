"""What files remembers: between whom relationships are, whether they share files now, and whose file is whose."""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from sqlalchemy import Column, String, Uuid

from services.files import heard
from services.files.domain import Phase, Relationship
from services.files.events import FileWithdrawn, UploadStarted
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
    if not isinstance(event, Heard):
        return row
    if isinstance(event, heard.RequestAccepted | heard.RelationshipActivated):
        row = event.model_dump()
    return row and {**row, "phase": _phase(event).value}


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
        Column("phase", String(20), nullable=False),
    ),
    _keys,
    _evolve,
    begun_by=(heard.RequestAccepted,),
)


def _files(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.file_id,)] if isinstance(event, UploadStarted | FileWithdrawn) else []


def _evolve_file(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    return event.model_dump(include={"file_id", "owner_id"}) if isinstance(event, UploadStarted) else None


FILES = View(
    "files",
    (Column("file_id", Uuid, primary_key=True), Column("owner_id", Uuid, nullable=False)),
    _files,
    _evolve_file,
    indexes=(("owner_id",),),
    begun_by=(UploadStarted,),
)


def files_of(person: UUID, reader: Reader) -> set[UUID]:
    """Those not withdrawn, the latest included that the directory has not heard of."""
    known = {row["file_id"] for row in reader.where(FILES, owner_id=person)}
    latest = (event for event in reader.unheard() if isinstance(event, UploadStarted))
    return known | {event.file_id for event in latest if event.owner_id == person}


def relationship(relationship_id: UUID, reader: Reader) -> Relationship | None:
    """The relationship, as far as it was heard of."""
    row = reader.one(RELATIONSHIPS, relationship_id)
    return None if row is None else Relationship(row["mentor_id"], row["mentee_id"], Phase(row["phase"]))

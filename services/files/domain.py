"""Files' rules, pure: what becomes of a file between two people, and who may do what with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never
from uuid import UUID

from services.files.commands import CompleteUpload, StartUpload, WithdrawFile
from services.files.events import FileShared, FileWithdrawn, UploadStarted
from shared.messages import Sealed
from shared.refusals import Conflict, Forbidden, Gone, Invalid, NotFound
from shared.service import Asker, Outcome

UPLOAD_LIFETIME = timedelta(hours=1)


class RelationshipUnknown(NotFound):
    """There is no such relationship."""


class FileUnknown(NotFound):
    """There is no such file."""


class FileTooLarge(Invalid):
    """This file is larger than files may be here."""


class OwnersOnly(Forbidden):
    """Only the one who shares the file may do this."""


class PolicyOnly(Forbidden):
    """A file's bytes are removed by withdrawing the file."""


class RelationshipNotActive(Conflict):
    """Files are shared only while the two work together."""


class FileExists(Conflict):
    """There is a file with this id already."""


class FileNotShared(Conflict):
    """This file's upload is not complete."""


class UploadIncomplete(Conflict):
    """The store has no bytes of this file yet."""


class UploadDiffers(Conflict):
    """The bytes in the store are not those announced: upload them again."""


class UploadLinkExpired(Gone):
    """The time for this upload is over: announce the file again, under another id."""


class FileGone(Gone):
    """This file was withdrawn."""


class Phase(Enum):
    """How far a relationship is, as it matters to files."""

    AGREEING = "agreeing"
    ACTIVE = "active"
    PAUSED = "paused"
    CONCLUDING = "concluding"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Relationship:
    mentor_id: UUID
    mentee_id: UUID
    phase: Phase

    @property
    def shares(self) -> bool:
        return self.phase in (Phase.ACTIVE, Phase.PAUSED, Phase.CONCLUDING)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has of a file. `sha256` in hex: of the bytes themselves, not what somebody said of them."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class File:
    """As it was announced. An erased owner's `name` and `sha256` are `Sealed`."""

    file_id: UUID
    relationship_id: UUID
    owner_id: UUID
    name: str
    content_type: str
    size: int
    sha256: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Awaited:
    """Announced; its bytes are on their way."""

    file: File


@dataclass(frozen=True, slots=True)
class Shared:
    file: File


@dataclass(frozen=True, slots=True)
class Withdrawn:
    file: File


State = Nothing | Awaited | Shared | Withdrawn
Wish = StartUpload | CompleteUpload | WithdrawFile
Fact = UploadStarted | FileShared | FileWithdrawn


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, the file's relationship, how large files may be; `stored` matters only to a file that is awaited."""

    asker: Asker
    relationship: Relationship | None
    max_bytes: int = 0
    stored: Stored | None = None


def evolve(state: State, event: Fact) -> State:
    match event:
        case UploadStarted():
            return Awaited(File(**dict(event)))
        case FileShared():
            return state if isinstance(state, Nothing) else Shared(state.file)
        case FileWithdrawn():
            return state if isinstance(state, Nothing) else Withdrawn(state.file)
        case _:
            assert_never(event)


def decide(command: Wish, state: State, known: Known) -> Outcome:
    match command:
        case StartUpload():
            return _start(command, state, known)
        case CompleteUpload():
            return _complete(state, known)
        case WithdrawFile():
            return _withdraw(state, known)
        case _:
            assert_never(command)


def downloadable(state: State, known: Known) -> File:
    """The file, if the asker may have it; refuses otherwise."""
    begun = _visible(state, known)
    if isinstance(begun, Withdrawn) or isinstance(begun.file.name, Sealed):
        raise FileGone()
    if isinstance(begun, Awaited):
        raise FileNotShared()
    return begun.file


def _start(command: StartUpload, state: State, known: Known) -> Outcome:
    owner, relationship = _member(known, RelationshipUnknown)
    if not isinstance(state, Nothing):
        raise FileExists()
    if not relationship.shares:
        raise RelationshipNotActive()
    if command.size > known.max_bytes:
        raise FileTooLarge(size=command.size, max_bytes=known.max_bytes)
    announced = command.model_dump(exclude={"at"})
    return [UploadStarted(**announced, owner_id=owner, expires_at=command.at + UPLOAD_LIFETIME)]


def _complete(state: State, known: Known) -> Outcome:
    """What arrived before the link expired may be completed after it."""
    begun = _owned(state, known)
    if isinstance(begun, Withdrawn):
        raise FileGone()
    if isinstance(begun, Shared):
        return []
    if known.relationship is None or not known.relationship.shares:
        raise RelationshipNotActive()
    file, stored = begun.file, known.stored
    if stored is None:
        raise UploadIncomplete()
    if (stored.size, stored.sha256) != (file.size, file.sha256):
        announced = {"size": file.size, "sha256": file.sha256}
        raise UploadDiffers(announced=announced, stored={"size": stored.size, "sha256": stored.sha256})
    return [FileShared(file_id=file.file_id, relationship_id=file.relationship_id, owner_id=file.owner_id)]


def _withdraw(state: State, known: Known) -> Outcome:
    """Shared or still awaited; also when the relationship is over. The platform withdraws an erased owner's."""
    if isinstance(state, Nothing):
        raise FileUnknown()
    begun = state if known.asker.is_system else _owned(state, known)
    if isinstance(begun, Withdrawn):
        return []
    file = begun.file
    return [FileWithdrawn(file_id=file.file_id, relationship_id=file.relationship_id, owner_id=file.owner_id)]


def _owned(state: State, known: Known) -> Awaited | Shared | Withdrawn:
    begun = _visible(state, known)
    if known.asker.person != begun.file.owner_id:
        raise OwnersOnly()
    return begun


def _visible(state: State, known: Known) -> Awaited | Shared | Withdrawn:
    """To both of the relationship, and to nobody else."""
    if isinstance(state, Nothing):
        raise FileUnknown()
    _member(known, FileUnknown)
    return state


def _member(known: Known, otherwise: type[NotFound]) -> tuple[UUID, Relationship]:
    person, relationship = known.asker.person, known.relationship
    if person is None or relationship is None or person not in (relationship.mentor_id, relationship.mentee_id):
        raise otherwise()
    return person, relationship

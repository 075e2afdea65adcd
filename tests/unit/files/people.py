"""Ada mentors Grace; Eve is in neither's relationship. And the letter that they share."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.files.commands import CompleteUpload, StartUpload, WithdrawFile
from services.files.domain import Known, Phase, Relationship, Stored
from services.files.events import FileShared, FileWithdrawn, UploadStarted
from shared.service import Asker

ADA, GRACE, EVE = uuid4(), uuid4(), uuid4()
RELATIONSHIP, FILE = uuid4(), uuid4()
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LETTER = b"Dear Grace, here is the plan."
SHA256 = hashlib.sha256(LETTER).hexdigest()
ABOUT = {"file_id": FILE, "relationship_id": RELATIONSHIP, "owner_id": ADA}


def start(at: datetime = NOON, size: int = len(LETTER), name: str = "plan.txt") -> StartUpload:
    return StartUpload(
        file_id=FILE,
        relationship_id=RELATIONSHIP,
        name=name,
        content_type="text/plain",
        size=size,
        sha256=SHA256,
        at=at,
    )


def complete(at: datetime = NOON) -> CompleteUpload:
    return CompleteUpload(file_id=FILE, at=at)


def withdraw(at: datetime = NOON) -> WithdrawFile:
    return WithdrawFile(file_id=FILE, at=at)


STARTED = UploadStarted(
    **ABOUT,
    name="plan.txt",
    content_type="text/plain",
    size=len(LETTER),
    sha256=SHA256,
    expires_at=NOON + timedelta(hours=1),
)
SHARED = FileShared(**ABOUT)
WITHDRAWN = FileWithdrawn(**ABOUT)


def known(by: UUID = ADA, phase: Phase | None = Phase.ACTIVE, stored: Stored | None = None) -> Known:
    """`phase` None: nothing was heard of the relationship."""
    relationship = Relationship(ADA, GRACE, phase) if phase else None
    return Known(Asker(str(by)), relationship, max_bytes=1000, stored=stored)

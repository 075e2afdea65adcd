"""Ada, a mentee, and Grace, a mentor, and what happens to the two. (Mary and Barbara are another such pair.)"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.matching.commands import RequestMentor, Terms
from services.matching.domain import Enrolment, Known
from services.matching.events import (
    AgreementProposed,
    AgreementSigned,
    MentorRequested,
    RelationshipActivated,
    RequestAccepted,
)
from services.matching.service import RELATIONSHIP
from shared.ids import NIL
from shared.log import Release, Take
from shared.service import Asker
from tests.scenario import Scenario

ADA, MARY, GRACE, BARBARA = (uuid5(NIL, name) for name in ("ada", "mary", "grace", "barbara"))
PROGRAM, THEIRS = uuid5(NIL, "program"), uuid5(NIL, "theirs")

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)
DAY = timedelta(days=1)

ENROLLED = {
    (PROGRAM, ADA): Enrolment("mentee", 0),
    (PROGRAM, GRACE): Enrolment("mentor", 2),
    (PROGRAM, BARBARA): Enrolment("mentor", 1),
}

PAIR = f"pair:{PROGRAM}:{GRACE}:{ADA}"
PLACE = f"capacity:{PROGRAM}:{GRACE}"

TAKE_PAIR, RELEASE_PAIR = Take(PAIR, str(THEIRS)), Release(PAIR, str(THEIRS))
TAKE_PLACE, RELEASE_PLACE = Take(PLACE, str(THEIRS), 2), Release(PLACE, str(THEIRS))

TERMS = Terms(scope="Find a first job", frequency="weekly", nature="career", duration_weeks=12)
OTHER_TERMS = Terms(scope="Find a first job", frequency="fortnightly", nature="career", duration_weeks=24)

REQUESTED = MentorRequested(
    relationship_id=THEIRS,
    program_id=PROGRAM,
    mentor_id=GRACE,
    mentee_id=ADA,
    message="Will you teach me?",
    expires_at=FRIDAY,
)
ACCEPTED = RequestAccepted(relationship_id=THEIRS, mentor_id=GRACE, mentee_id=ADA)
PROPOSED = AgreementProposed(relationship_id=THEIRS, number=1, proposed_by=ADA, **TERMS.model_dump())
ADA_SIGNED = AgreementSigned(relationship_id=THEIRS, number=1, signed_by=ADA)
GRACE_SIGNED = AgreementSigned(relationship_id=THEIRS, number=1, signed_by=GRACE)
ACTIVATED = RelationshipActivated(relationship_id=THEIRS, mentor_id=GRACE, mentee_id=ADA)

NEW = Scenario(RELATIONSHIP)
PENDING = NEW.given(REQUESTED)
AGREEING = PENDING.given(ACCEPTED)
ACTIVE = AGREEING.given(PROPOSED, ADA_SIGNED, GRACE_SIGNED, ACTIVATED)


def by(person: UUID | str) -> Known:
    """Asked by this person, or by `system:<policy>`."""
    return Known(Asker(str(person)), ENROLLED)


def ask_for(mentor: UUID = GRACE, *, program: UUID = PROGRAM, expires_at: datetime | None = FRIDAY) -> RequestMentor:
    return RequestMentor(
        relationship_id=THEIRS,
        program_id=program,
        mentor_id=mentor,
        message="Will you teach me?",
        expires_at=expires_at,
        at=MONDAY,
    )

"""A relationship's states, and what each event makes of them. Personal texts stay as they come: sealed or open."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal, assert_never
from uuid import UUID

from services.matching.events import (
    AgreementCountered,
    AgreementProposed,
    AgreementSigned,
    ClosingFeedbackGiven,
    ConclusionBegun,
    InformationGiven,
    InformationRequested,
    MentorRequested,
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipDissolved,
    RelationshipEnded,
    RelationshipPaused,
    RelationshipResumed,
    RequestAccepted,
    RequestDeclined,
    RequestExpired,
    RequestWithdrawn,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What the mentor wanted to know before deciding."""

    question: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Terms that one of the two put forward. `signed_by` in the order of signing."""

    number: int
    proposed_by: UUID
    scope: str
    frequency: Literal["weekly", "fortnightly", "monthly", "on_demand"]
    nature: Literal["career", "technical", "personal", "academic", "other"]
    duration_weeks: int
    signed_by: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    given_by: UUID
    rating: int
    comment: str


@dataclass(frozen=True, slots=True)
class Relationship:
    """What is known of it in every state. Of the `proposals`, the last one counts."""

    relationship_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID
    message: str
    expires_at: datetime
    questions: tuple[Question, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    feedback: tuple[Feedback, ...] = ()

    @property
    def parties(self) -> frozenset[UUID]:
        return frozenset((self.mentor_id, self.mentee_id))

    @property
    def agreement(self) -> Proposal | None:
        """The proposal that both have signed."""
        latest = self.proposals[-1] if self.proposals else None
        return latest if latest and self.parties.issubset(latest.signed_by) else None


@dataclass(frozen=True, slots=True)
class Nothing:
    status: ClassVar[str] = "nothing"


@dataclass(frozen=True, slots=True)
class Proposed:
    status: ClassVar[str] = "proposed"
    about: Relationship


@dataclass(frozen=True, slots=True)
class InfoRequested:
    """The last question has no answer yet."""

    status: ClassVar[str] = "info_requested"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Accepted:
    """The two are agreeing on their terms."""

    status: ClassVar[str] = "accepted"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Active:
    status: ClassVar[str] = "active"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Paused:
    status: ClassVar[str] = "paused"
    about: Relationship
    paused_by: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Concluding:
    """Until both have given their closing feedback."""

    status: ClassVar[str] = "concluding"
    about: Relationship
    begun_by: UUID


@dataclass(frozen=True, slots=True)
class Completed:
    status: ClassVar[str] = "completed"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Declined:
    status: ClassVar[str] = "declined"
    about: Relationship
    reason: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    status: ClassVar[str] = "withdrawn"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Expired:
    status: ClassVar[str] = "expired"
    about: Relationship


@dataclass(frozen=True, slots=True)
class Ended:
    """Before its time; without a `reason` when `ended_by` was erased."""

    status: ClassVar[str] = "ended"
    about: Relationship
    ended_by: UUID
    reason: str | None


Pending = Proposed | InfoRequested
Live = Accepted | Active | Paused | Concluding
Over = Completed | Declined | Withdrawn | Expired | Ended
Begun = Pending | Live | Over
State = Nothing | Begun

NOTHING: State = Nothing()

Happening = (
    MentorRequested
    | RequestAccepted
    | RequestDeclined
    | InformationRequested
    | InformationGiven
    | RequestWithdrawn
    | RequestExpired
    | AgreementProposed
    | AgreementCountered
    | AgreementSigned
    | RelationshipActivated
    | RelationshipPaused
    | RelationshipResumed
    | ConclusionBegun
    | ClosingFeedbackGiven
    | RelationshipCompleted
    | RelationshipEnded
    | RelationshipDissolved
)


def evolve(state: State, event: Happening) -> State:
    if isinstance(event, MentorRequested):
        return Proposed(_requested(event))
    if isinstance(state, Nothing):
        return state
    about = state.about
    match event:
        case RequestAccepted():
            return Accepted(about)
        case AgreementProposed() | AgreementCountered():
            return Accepted(_with_proposal(about, event))
        case RequestDeclined(reason=reason):
            return Declined(about, reason)
        case InformationRequested(question=question):
            return InfoRequested(replace(about, questions=(*about.questions, Question(question))))
        case InformationGiven(answer=answer):
            return Proposed(_with_answer(about, answer))
        case RequestWithdrawn():
            return Withdrawn(about)
        case RequestExpired():
            return Expired(about)
        case AgreementSigned(signed_by=signed_by):
            return replace(state, about=_with_signature(about, signed_by))
        case RelationshipActivated() | RelationshipResumed():
            return Active(about)
        case RelationshipPaused(paused_by=paused_by, reason=reason):
            return Paused(about, paused_by, reason)
        case ConclusionBegun(begun_by=begun_by):
            return Concluding(about, begun_by)
        case ClosingFeedbackGiven(given_by=given_by, rating=rating, comment=comment):
            feedback = (*about.feedback, Feedback(given_by, rating, comment))
            return replace(state, about=replace(about, feedback=feedback))
        case RelationshipCompleted():
            return Completed(about)
        case RelationshipEnded(ended_by=ended_by, reason=reason):
            return Ended(about, ended_by, reason)
        case RelationshipDissolved(erased_id=erased_id):
            return Ended(about, erased_id, None)
        case _:
            assert_never(event)


def _requested(event: MentorRequested) -> Relationship:
    return Relationship(
        relationship_id=event.relationship_id,
        program_id=event.program_id,
        mentor_id=event.mentor_id,
        mentee_id=event.mentee_id,
        message=event.message,
        expires_at=event.expires_at,
    )


def _with_proposal(about: Relationship, event: AgreementProposed | AgreementCountered) -> Relationship:
    proposal = Proposal(
        number=event.number,
        proposed_by=event.proposed_by,
        scope=event.scope,
        frequency=event.frequency,
        nature=event.nature,
        duration_weeks=event.duration_weeks,
    )
    return replace(about, proposals=(*about.proposals, proposal))


def _with_answer(about: Relationship, answer: str) -> Relationship:
    if not about.questions:
        return about
    *earlier, last = about.questions
    return replace(about, questions=(*earlier, replace(last, answer=answer)))


def _with_signature(about: Relationship, signed_by: UUID) -> Relationship:
    if not about.proposals:
        return about
    *earlier, last = about.proposals
    return replace(about, proposals=(*earlier, replace(last, signed_by=(*last.signed_by, signed_by))))

"""What matching publishes: the life of a relationship."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.messages import Event, Personal


class MentorRequested(Event, type="matching.mentor_requested"):
    """Unanswered, the request lapses at `expires_at`."""

    relationship_id: UUID
    program_id: UUID
    mentor_id: UUID
    mentee_id: UUID
    message: Annotated[str, Personal("mentee_id")]
    expires_at: AwareDatetime


class RequestAccepted(Event, type="matching.request_accepted"):
    relationship_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class RequestDeclined(Event, type="matching.request_declined"):
    relationship_id: UUID
    mentor_id: UUID
    reason: Annotated[str, Personal("mentor_id")]


class InformationRequested(Event, type="matching.information_requested"):
    relationship_id: UUID
    mentor_id: UUID
    question: Annotated[str, Personal("mentor_id")]


class InformationGiven(Event, type="matching.information_given"):
    relationship_id: UUID
    mentee_id: UUID
    answer: Annotated[str, Personal("mentee_id")]


class RequestWithdrawn(Event, type="matching.request_withdrawn"):
    relationship_id: UUID


class RequestExpired(Event, type="matching.request_expired"):
    relationship_id: UUID


class AgreementProposed(Event, type="matching.agreement_proposed"):
    """The first proposal; or a later one by the same side, which takes the place of its last."""

    relationship_id: UUID
    number: int
    proposed_by: UUID
    scope: Annotated[str, Personal("proposed_by")]
    frequency: Literal["weekly", "fortnightly", "monthly", "on_demand"]
    nature: Literal["career", "technical", "personal", "academic", "other"]
    duration_weeks: int


class AgreementCountered(Event, type="matching.agreement_countered"):
    """The other side's answer: takes the place of the proposal before it, whose signatures are void."""

    relationship_id: UUID
    number: int
    proposed_by: UUID
    scope: Annotated[str, Personal("proposed_by")]
    frequency: Literal["weekly", "fortnightly", "monthly", "on_demand"]
    nature: Literal["career", "technical", "personal", "academic", "other"]
    duration_weeks: int


class AgreementSigned(Event, type="matching.agreement_signed"):
    relationship_id: UUID
    number: int
    signed_by: UUID


class RelationshipActivated(Event, type="matching.relationship_activated"):
    """Both have signed: from now on the two work together."""

    relationship_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class RelationshipPaused(Event, type="matching.relationship_paused"):
    relationship_id: UUID
    paused_by: UUID
    reason: Annotated[str, Personal("paused_by")]


class RelationshipResumed(Event, type="matching.relationship_resumed"):
    relationship_id: UUID
    resumed_by: UUID


class ConclusionBegun(Event, type="matching.conclusion_begun"):
    relationship_id: UUID
    begun_by: UUID


class ClosingFeedbackGiven(Event, type="matching.closing_feedback_given"):
    relationship_id: UUID
    given_by: UUID
    rating: int
    comment: Annotated[str, Personal("given_by")]


class RelationshipCompleted(Event, type="matching.relationship_completed"):
    """Both have given their closing feedback."""

    relationship_id: UUID


class RelationshipDissolved(Event, type="matching.relationship_dissolved"):
    """One of the two was erased from the platform: whatever state it was in, it is over."""

    relationship_id: UUID
    erased_id: UUID


class RelationshipEnded(Event, type="matching.relationship_ended"):
    """Before its time."""

    relationship_id: UUID
    ended_by: UUID
    reason: Annotated[str, Personal("ended_by")]

"""What matching can be asked to do."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.messages import Command

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class RequestMentor(Command):
    """The asker, a mentee, wants this mentor; unanswered, the request lapses at `expires_at`.

    Without it, after two weeks, counted from when it was first asked.
    """

    relationship_id: UUID
    program_id: UUID
    mentor_id: UUID
    message: Text
    expires_at: AwareDatetime | None = None


class AcceptRequest(Command):
    relationship_id: UUID


class DeclineRequest(Command):
    relationship_id: UUID
    reason: Text


class AskForInformation(Command):
    relationship_id: UUID
    question: Text


class GiveInformation(Command):
    relationship_id: UUID
    answer: Text


class WithdrawRequest(Command):
    relationship_id: UUID


class ExpireRequest(Command):
    """Sent by the timer when a request's time is over."""

    relationship_id: UUID


class Terms(BaseModel):
    """What the two agree on."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    scope: Text
    frequency: Literal["weekly", "fortnightly", "monthly", "on_demand"]
    nature: Literal["career", "technical", "personal", "academic", "other"]
    duration_weeks: Annotated[int, Field(ge=1, le=260)]


class ProposeAgreement(Command):
    """The first proposal, or a counter-proposal: it takes the place of the last one and its signatures."""

    relationship_id: UUID
    terms: Terms


class SignAgreement(Command):
    """Signs the proposal of this `number` (1, 2, …), refused when a counter-proposal has replaced it."""

    relationship_id: UUID
    number: Annotated[int, Field(ge=1)]


class PauseRelationship(Command):
    relationship_id: UUID
    reason: Text


class ResumeRelationship(Command):
    relationship_id: UUID


class ConcludeRelationship(Command):
    """Begins the end: it completes when both have given their closing feedback."""

    relationship_id: UUID


class GiveClosingFeedback(Command):
    relationship_id: UUID
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: Text


class EndRelationship(Command):
    """Ends it early, at once."""

    relationship_id: UUID
    reason: Text


class DissolveRelationship(Command):
    """Sent by the platform itself when one of the two was erased."""

    relationship_id: UUID
    erased_id: UUID


class DissolveRelationships(Command):
    """Sent by the policy: all that are open of somebody who was erased."""

    person_id: UUID

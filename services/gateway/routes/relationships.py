"""Relationships: how each stands now or stood on an earlier day, and what the two decide about it."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, Field
from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from services.gateway import access
from services.gateway.access import Own, Seen
from services.gateway.answers import Accepted, Answer, Page, Reveal, Text, conceal, opening, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.summary import as_kept, fold
from services.gateway.views import people, relationships
from services.matching import commands
from services.matching.commands import Terms
from shared.database import reading
from shared.ids import NIL
from shared.messages import Command
from shared.refusals import Invalid, NotFound
from shared.service import Done

Found = Row[Any]

router = APIRouter(tags=["relationships"])

ONE = "/v1/relationships/{relationship_id}"


class NotYetBegun(NotFound):
    """This relationship had not begun then."""


class OneMoment(Invalid):
    """Give a time or a position, not both."""


class QuestionAnswer(Answer):
    question: Text
    answer: Text


class ProposalAnswer(Answer):
    """`signed_by` in the order of signing."""

    number: int
    proposed_by: UUID
    scope: Text
    frequency: str
    nature: str
    duration_weeks: int
    signed_by: list[UUID]


class FeedbackAnswer(Answer):
    given_by: UUID
    rating: int
    comment: Text


class PartyAnswer(Answer):
    """Of somebody who was `erased` nothing is left but the ids."""

    person_id: UUID
    external_id: str | None
    display_name: str | None
    headline: str | None
    erased: bool


class ActivityAnswer(Answer):
    """`last_meeting_at`: when the latest scheduled meeting begins."""

    messages: int
    last_message_at: datetime | None
    meetings: int
    meetings_cancelled: int
    last_meeting_at: datetime | None
    goals: int
    goals_reached: int
    goals_abandoned: int
    files: int
    files_withdrawn: int


class RelationshipAnswer(Answer):
    """`agreement` is the latest proposal; it holds when both have signed it. `reason` says why it was declined, paused
    or ended. `version` counts the decisions of the two; everything that belongs to the relationship moves `position`.
    """

    relationship_id: UUID
    program_id: UUID
    status: str
    mentor: PartyAnswer
    mentee: PartyAnswer
    message: Text
    expires_at: datetime
    questions: list[QuestionAnswer]
    agreement: ProposalAnswer | None
    feedback: list[FeedbackAnswer]
    reason: Text
    activity: ActivityAnswer
    began_at: datetime
    last_at: datetime
    version: int
    position: int


class RequestBody(Asked):
    """`expires_at`: unanswered until then, the request lapses; two weeks if not given."""

    mentor_id: UUID
    message: commands.Text
    expires_at: AwareDatetime | None = None


class ReasonBody(Asked):
    reason: commands.Text


class QuestionBody(Asked):
    question: commands.Text


class AnswerBody(Asked):
    answer: commands.Text


class ProposalBody(Asked, Terms):
    """What the two shall agree on."""


class SignatureBody(Asked):
    """The `number` of the proposal that is signed."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]


class FeedbackBody(Asked):
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: commands.Text


DECIDED: dict[str, Any] = {"response_model": RelationshipAnswer, "responses": {202: {"model": Accepted}}}


class _WithoutQuery(APIRoute):
    """Asked most of all, it is spared the look for parameters that are not there: that took a twentieth of its time."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if scope["query_string"] else super().matches(scope)


async def show_now(relationship_id: UUID, member: SignedIn) -> Response:
    return respond(await _read(member, relationship_id))


router.add_api_route(ONE, show_now, include_in_schema=False, route_class_override=_WithoutQuery)


@router.get(ONE, response_model=RelationshipAnswer)
async def show(
    relationship_id: UUID,
    member: SignedIn,
    as_of: Annotated[AwareDatetime | None, Query(description="As it stood then")] = None,
    at_position: Annotated[int | None, Query(ge=1, description="As it stood after this event, and none later")] = None,
) -> Response:
    """As it stands now; or as it once stood, at a time or at a position, whichever is given."""
    if as_of and at_position:
        raise OneMoment()
    if not as_of and not at_position:
        return await show_now(relationship_id, member)
    return respond(await run_in_threadpool(_read_then, member, relationship_id, as_of, at_position))


@router.post("/v1/programs/{program_id}/relationships", status_code=201, **DECIDED)
async def request_mentor(program_id: UUID, body: RequestBody, sender: Sending, member: SignedIn) -> Response:
    """A mentee asks a mentor."""
    relationship_id = sender.id_of_new("relationship")
    command = commands.RequestMentor(
        relationship_id=relationship_id,
        program_id=program_id,
        mentor_id=body.mentor_id,
        message=body.message,
        expires_at=body.expires_at,
        at=sender.at,
    )
    enrolled = await run_in_threadpool(_enrolled, member, program_id, body.mentor_id)
    done = await sender.send(command, program=program_id, seen=enrolled, new=True)
    return await _answer(sender, member, done, relationship_id, created=True)


@router.get("/v1/relationships", response_model=Page[RelationshipAnswer])
def list_relationships(
    member: SignedIn,
    program_id: Annotated[UUID | None, Query(description="All of this programme, for its coordinator")] = None,
    after: UUID = NIL,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """One's own; or, for a coordinator, a programme's."""
    with reading(member.gateway.database) as connection:
        if program_id is None:
            rows = relationships.relationships_of(connection, member.person, after, limit + 1)
        else:
            access.coordinated_by(connection, member, program_id)
            rows = relationships.relationships_in(connection, program_id, after, limit + 1)
    reveal = member.gateway.vault.reveal
    items = [tell(access.seen(member, row), row.summary, reveal) for row in rows[:limit]]
    return respond(Page(items=items, next=str(items[-1].relationship_id) if len(rows) > limit else None))


@router.post("/v1/relationships/{relationship_id}/accept", **DECIDED)
async def accept(own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.AcceptRequest(relationship_id=own.relationship_id, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/decline", **DECIDED)
async def decline(body: ReasonBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.DeclineRequest(relationship_id=own.relationship_id, reason=body.reason, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/question", **DECIDED)
async def ask(body: QuestionBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    """The mentor wants to know more before deciding."""
    command = commands.AskForInformation(relationship_id=own.relationship_id, question=body.question, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/answer", **DECIDED)
async def inform(body: AnswerBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.GiveInformation(relationship_id=own.relationship_id, answer=body.answer, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/withdraw", **DECIDED)
async def withdraw(own: Own, sender: Sending, member: SignedIn) -> Response:
    """The mentee no longer asks."""
    command = commands.WithdrawRequest(relationship_id=own.relationship_id, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/proposals", **DECIDED)
async def propose(body: ProposalBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    """The first proposal, or one that takes the place of the last."""
    terms = commands.Terms(**body.model_dump())
    command = commands.ProposeAgreement(relationship_id=own.relationship_id, terms=terms, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/signatures", **DECIDED)
async def sign(body: SignatureBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.SignAgreement(relationship_id=own.relationship_id, number=body.number, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/pause", **DECIDED)
async def pause(body: ReasonBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.PauseRelationship(relationship_id=own.relationship_id, reason=body.reason, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/resume", **DECIDED)
async def resume(own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.ResumeRelationship(relationship_id=own.relationship_id, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/conclusion", **DECIDED)
async def conclude(own: Own, sender: Sending, member: SignedIn) -> Response:
    """Begins the end: both give their closing feedback."""
    command = commands.ConcludeRelationship(relationship_id=own.relationship_id, at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/feedback", **DECIDED)
async def give_feedback(body: FeedbackBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.GiveClosingFeedback(relationship_id=own.relationship_id, **body.model_dump(), at=sender.at)
    return await _decide(command, own, sender, member)


@router.post("/v1/relationships/{relationship_id}/end", **DECIDED)
async def end(body: ReasonBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    """Ends it early, at once."""
    command = commands.EndRelationship(relationship_id=own.relationship_id, reason=body.reason, at=sender.at)
    return await _decide(command, own, sender, member)


async def _decide(command: Command, own: Found, sender: Sender, member: Member) -> Response:
    done = await sender.send(command, program=own.program, seen=own.position)
    return await _answer(sender, member, done, own.relationship_id)


async def _answer(sender: Sender, member: Member, done: Done, relationship_id: UUID, created: bool = False) -> Response:
    where = f"/v1/relationships/{relationship_id}"
    return await sender.answer(done, where, partial(_read, member, relationship_id), created=created)


def _enrolled(member: Member, program_id: UUID, mentor_id: UUID) -> int:
    """The position from which on the two enrolments are known."""
    with reading(member.gateway.database) as connection:
        access.program_for(connection, member, program_id)
        rows = [people.enrolment(connection, program_id, person) for person in (member.person, mentor_id)]
    return max((row.position for row in rows if row), default=0)


async def _read(member: Member, relationship_id: UUID) -> RelationshipAnswer:
    found = await access.find_relationship(member, relationship_id)
    return await opening(member.gateway.vault, partial(tell, found, found.row.summary))


def _read_then(
    member: Member, relationship_id: UUID, moment: datetime | None, position: int | None
) -> RelationshipAnswer:
    with reading(member.gateway.database) as connection:
        found = access.relationship_for(connection, member, relationship_id)
    history = member.gateway.log.of_subject(relationship_id, until=moment)
    summary = fold(one for one in history if position is None or one.position <= position)
    if summary is None:
        raise NotYetBegun()
    return tell(found, as_kept(summary), member.gateway.vault.reveal)


def tell(found: Seen, summary: Mapping[str, Any], reveal: Reveal) -> RelationshipAnswer:
    """`summary` as it is kept. What the two wrote is for the two; what they are called, for whoever may see the
    relationship."""
    state = summary["state"]
    proposals = state["about"]["proposals"]
    parties = {side: _party(found.row, side, reveal) for side in ("mentor", "mentee")}
    latest = {"agreement": proposals[-1] if proposals else None, "reason": state.get("reason")}
    return RelationshipAnswer.shown(
        {**state["about"], **summary, **parties, **latest}, reveal if found.party else conceal
    )


def _party(row: Found, side: str, reveal: Reveal) -> PartyAnswer:
    return PartyAnswer(
        person_id=getattr(row, f"{side}_id"),
        external_id=getattr(row, f"{side}_external_id"),
        display_name=reveal(getattr(row, f"{side}_name")),
        headline=reveal(getattr(row, f"{side}_headline")),
        erased=getattr(row, f"{side}_erased_at") is not None,
    )

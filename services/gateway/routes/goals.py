"""What the mentee works towards."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from services.gateway import access
from services.gateway.access import Thing, belonging, party_to
from services.gateway.answers import Accepted, Answer, Page, Text, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.views import goals
from services.goals import commands
from services.goals.domain import is_overdue, progress
from shared import clock
from shared.database import reading
from shared.messages import Command
from shared.refusals import NotFound

router = APIRouter(tags=["goals"])


class GoalUnknown(NotFound):
    """There is no such goal."""


class GoalBody(Asked):
    """Every part may be left out here; what a SMART goal lacks is refused with a reason per letter."""

    title: commands.Text = ""
    measure: commands.Text = ""
    unit: Annotated[str, Field(max_length=40)] = ""
    baseline: commands.Number | None = None
    target: commands.Number | None = None
    relevance: commands.Text = ""
    due: date | None = None


class ProgressBody(Asked):
    """The measure's value as it now stands."""

    value: commands.Number
    note: commands.Text = ""


class AbandonmentBody(Asked):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class RecordAnswer(Answer):
    at: datetime
    recorded_by: UUID
    value: float
    note: Text


class GoalAnswer(Answer):
    """`progress` is the part of the way that is done, from 0 to 1; `status` is pursued, reached or abandoned."""

    goal_id: UUID
    relationship_id: UUID
    mentee_id: UUID
    set_by: UUID
    title: Text
    measure: Text
    unit: Text
    baseline: float
    target: float
    relevance: Text
    due: date
    overdue: bool = False
    value: float
    progress: float = 0.0
    records: list[RecordAnswer]
    status: str
    reason: Text
    version: int


def _find(member: Member, goal_id: UUID) -> Thing:
    with reading(member.gateway.database) as connection:
        return belonging(connection, member, goals.goal(connection, goal_id), GoalUnknown)


def _own(goal_id: UUID, member: SignedIn) -> Thing:
    return _find(member, goal_id)


Own = Annotated[Thing, Depends(_own)]


@router.get("/v1/relationships/{relationship_id}/goals", response_model=Page[GoalAnswer])
def list_goals(relationship_id: UUID, member: SignedIn) -> Response:
    """The next due first."""
    with reading(member.gateway.database) as connection:
        found = party_to(connection, member, relationship_id)
        rows = goals.goals_of(connection, relationship_id)
    return respond(Page(items=[_tell(Thing(row, found)) for row in rows]))


@router.post(
    "/v1/relationships/{relationship_id}/goals",
    status_code=201,
    response_model=GoalAnswer,
    responses={202: {"model": Accepted}},
)
async def set_goal(body: GoalBody, own: access.Own, sender: Sending, member: SignedIn) -> Response:
    goal_id = sender.id_of_new("goal")
    command = commands.SetGoal(goal_id=goal_id, relationship_id=own.relationship_id, **body.model_dump(), at=sender.at)
    done = await sender.send(command, program=own.program, seen=own.position, new=True)
    return await sender.answer(done, f"/v1/goals/{goal_id}", lambda: _tell(_find(member, goal_id)), created=True)


@router.get("/v1/goals/{goal_id}", response_model=GoalAnswer)
def show(own: Own) -> Response:
    return respond(_tell(own))


@router.post("/v1/goals/{goal_id}/progress", response_model=GoalAnswer, responses={202: {"model": Accepted}})
async def record(body: ProgressBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    """A value that meets the target reaches the goal."""
    command = commands.RecordProgress(goal_id=own.row.goal_id, value=body.value, note=body.note, at=sender.at)
    return await _change(command, own, sender, member)


@router.post("/v1/goals/{goal_id}/abandonment", response_model=GoalAnswer, responses={202: {"model": Accepted}})
async def abandon(body: AbandonmentBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = commands.AbandonGoal(goal_id=own.row.goal_id, reason=body.reason, at=sender.at)
    return await _change(command, own, sender, member)


async def _change(command: Command, own: Thing, sender: Sender, member: Member) -> Response:
    goal_id = own.row.goal_id
    done = await sender.send(command, program=own.row.program, seen=own.relationship.row.position)
    return await sender.answer(done, f"/v1/goals/{goal_id}", lambda: _tell(_find(member, goal_id)))


def _tell(goal: Thing) -> GoalAnswer:
    row = goal.row
    worked_out = {
        "progress": progress(row.baseline, row.target, row.value),
        "overdue": row.status == "pursued" and is_overdue(row.due, clock.now().date()),
    }
    return GoalAnswer.shown(row, goal.relationship.reveal).model_copy(update=worked_out)

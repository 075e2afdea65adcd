"""Who may work on a goal, and when.

The mentor and the mentee may both do everything. A new goal needs a relationship that is active or concluding; what is
begun goes on through a pause, until the relationship is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never
from uuid import UUID

from services.goals import events
from services.goals.commands import AbandonGoal, RecordProgress, SetGoal
from services.goals.domain.goal import Abandoned, Goal, NotSet, Pursued, Reached, meets
from services.goals.domain.smart import check_smart
from shared.messages import Event
from shared.refusals import Conflict, Invalid, NotFound
from shared.service import Asker


class RelationshipNotFound(NotFound):
    """There is no such relationship."""


class GoalNotFound(NotFound):
    """There is no such goal."""


class RelationshipNotActive(Conflict):
    """Goals are set while the relationship is active."""


class RelationshipOver(Conflict):
    """The relationship is over: its goals stay as they are."""


class GoalNotSmart(Invalid):
    """A goal is specific, measurable, achievable, relevant and time-bound: each letter that fails says why."""


class GoalAlreadySet(Conflict):
    """A goal of this id was set before."""


class GoalAlreadyReached(Conflict):
    """This goal has been reached."""


class GoalAlreadyAbandoned(Conflict):
    """This goal was abandoned."""


class Phase(Enum):
    """Where a relationship stands."""

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


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, and the goal's relationship as far as it was heard of."""

    asker: Asker
    relationship: Relationship | None


GoalCommand = SetGoal | RecordProgress | AbandonGoal


def decide(command: GoalCommand, state: Goal, known: Known) -> Sequence[Event]:
    match command:
        case SetGoal():
            return _set(command, state, known)
        case RecordProgress():
            return _record(command, state, known)
        case AbandonGoal():
            return _abandon(command, state, known)
        case _:
            assert_never(command)


def _set(command: SetGoal, state: Goal, known: Known) -> Sequence[Event]:
    relationship, me = _party(known, RelationshipNotFound())
    if not isinstance(state, NotSet):
        raise GoalAlreadySet()
    if relationship.phase not in (Phase.ACTIVE, Phase.CONCLUDING):
        raise RelationshipNotActive()
    if reasons := check_smart(command):
        raise GoalNotSmart(**reasons)
    asked = command.model_dump(exclude={"at"})
    return [events.GoalSet(**asked, mentee_id=relationship.mentee_id, set_by=me)]


def _record(command: RecordProgress, state: Goal, known: Known) -> Sequence[Event]:
    pursued, me = _at_work(state, known)
    plan = pursued.plan
    recorded = events.ProgressRecorded(
        goal_id=plan.goal_id,
        relationship_id=plan.relationship_id,
        recorded_by=me,
        value=command.value,
        note=command.note,
    )
    if not meets(plan.baseline, plan.target, command.value):
        return [recorded]
    reached = events.GoalReached(goal_id=plan.goal_id, relationship_id=plan.relationship_id, value=command.value)
    return [recorded, reached]


def _abandon(command: AbandonGoal, state: Goal, known: Known) -> Sequence[Event]:
    pursued, me = _at_work(state, known)
    return [
        events.GoalAbandoned(
            goal_id=pursued.plan.goal_id,
            relationship_id=pursued.plan.relationship_id,
            abandoned_by=me,
            reason=command.reason,
        )
    ]


def _at_work(state: Goal, known: Known) -> tuple[Pursued, UUID]:
    """The goal that is still pursued, and the one of the two who asks."""
    relationship, me = _party(known, GoalNotFound())
    match state:
        case NotSet():
            raise GoalNotFound()
        case Reached():
            raise GoalAlreadyReached()
        case Abandoned():
            raise GoalAlreadyAbandoned()
        case Pursued() if relationship.phase is Phase.OVER:
            raise RelationshipOver()
        case Pursued():
            return state, me
        case _:
            assert_never(state)


def _party(known: Known, unseen: NotFound) -> tuple[Relationship, UUID]:
    """The relationship, and the one of the two who asks. Raises `unseen` for anybody else."""
    relationship, me = known.relationship, known.asker.person
    if relationship is None or me is None or me not in (relationship.mentor_id, relationship.mentee_id):
        raise unseen
    return relationship, me

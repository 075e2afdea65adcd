"""What a goal is, and how far it has come."""

from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never
from uuid import UUID

from services.goals import events


@dataclass(frozen=True, slots=True)
class NotSet:
    pass


@dataclass(frozen=True, slots=True)
class Plan:
    """The goal as it was set."""

    goal_id: UUID
    relationship_id: UUID
    mentee_id: UUID
    set_by: UUID
    title: str
    measure: str
    unit: str
    baseline: float
    target: float
    relevance: str
    due: date


@dataclass(frozen=True, slots=True)
class Pursued:
    """`value` is the measure's last one: the baseline until progress is recorded."""

    plan: Plan
    value: float


@dataclass(frozen=True, slots=True)
class Reached:
    plan: Plan
    value: float


@dataclass(frozen=True, slots=True)
class Abandoned:
    plan: Plan
    value: float
    abandoned_by: UUID
    reason: str


Goal = NotSet | Pursued | Reached | Abandoned
GoalEvent = events.GoalSet | events.ProgressRecorded | events.GoalReached | events.GoalAbandoned


def progress(baseline: float, target: float, value: float) -> float:
    """How much of the way is done: 0.0 to 1.0, whether the measure is to rise or to fall."""
    return min(1.0, max(0.0, (value - baseline) / (target - baseline)))


def is_overdue(due: date, today: date) -> bool:
    """Of a goal that is still pursued."""
    return today > due


def meets(baseline: float, target: float, value: float) -> bool:
    """Whether `value` is the target or beyond it, seen from the baseline."""
    return value >= target if target > baseline else value <= target


def evolve(state: Goal, event: GoalEvent) -> Goal:
    match event:
        case events.GoalSet():
            return Pursued(_plan(event), event.baseline)
        case events.ProgressRecorded():
            assert isinstance(state, Pursued)
            return replace(state, value=event.value)
        case events.GoalReached():
            assert isinstance(state, Pursued)
            return Reached(state.plan, event.value)
        case events.GoalAbandoned():
            assert isinstance(state, Pursued)
            return Abandoned(state.plan, state.value, event.abandoned_by, event.reason)
        case _:
            assert_never(event)


def _plan(event: events.GoalSet) -> Plan:
    return Plan(
        goal_id=event.goal_id,
        relationship_id=event.relationship_id,
        mentee_id=event.mentee_id,
        set_by=event.set_by,
        title=event.title,
        measure=event.measure,
        unit=event.unit,
        baseline=event.baseline,
        target=event.target,
        relevance=event.relevance,
        due=event.due,
    )

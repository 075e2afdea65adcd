"""What goals publishes."""

from datetime import date
from typing import Annotated
from uuid import UUID

from shared.messages import Event, Personal


class GoalSet(Event, type="goals.goal_set"):
    """The goal is the mentee's, whoever of the two wrote it down."""

    goal_id: UUID
    relationship_id: UUID
    mentee_id: UUID
    set_by: UUID
    title: Annotated[str, Personal("mentee_id")]
    measure: Annotated[str, Personal("mentee_id")]
    unit: str
    baseline: float
    target: float
    relevance: Annotated[str, Personal("mentee_id")]
    due: date


class ProgressRecorded(Event, type="goals.progress_recorded"):
    goal_id: UUID
    relationship_id: UUID
    recorded_by: UUID
    value: float
    note: Annotated[str, Personal("recorded_by")]


class GoalReached(Event, type="goals.goal_reached"):
    goal_id: UUID
    relationship_id: UUID
    value: float


class GoalAbandoned(Event, type="goals.goal_abandoned"):
    goal_id: UUID
    relationship_id: UUID
    abandoned_by: UUID
    reason: Annotated[str, Personal("abandoned_by")]

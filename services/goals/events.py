"""What goals publishes."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from shared.messages import Event, Personal, Upcaster


class GoalSet(Event, type="goals.goal_set", schema_version=2):
    """The goal is the mentee's, whoever of the two wrote it down. In version 1 the unit stood in plain."""

    upcasters: ClassVar[Mapping[int, Upcaster]] = {1: lambda data: data}

    goal_id: UUID
    relationship_id: UUID
    mentee_id: UUID
    set_by: UUID
    title: Annotated[str, Personal("mentee_id")]
    measure: Annotated[str, Personal("mentee_id")]
    unit: Annotated[str, Personal("mentee_id")]
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

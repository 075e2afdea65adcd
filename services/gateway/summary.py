"""A relationship as all of its events tell it, whichever service wrote them: now, or on any earlier day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast, get_args

from pydantic import TypeAdapter
from sqlalchemy import JSON
from sqlalchemy.types import TypeDecorator

from services.files.events import FileShared, FileWithdrawn
from services.gateway.catalogue import CATALOGUE
from services.goals.events import GoalAbandoned, GoalReached, GoalSet
from services.matching.domain.relationship import NOTHING, Begun, Happening, Nothing, State, evolve
from services.messaging.events import MeetingCancelled, MeetingScheduled, MessagePosted
from shared.log import Recorded
from shared.messages import Event

_OWN = frozenset(get_args(Happening))
READ = _OWN | {MeetingScheduled}
"""Of all others a summary needs to know only that they happened."""


@dataclass(slots=True)
class Activity:
    """What the two have done together. The `last_` ones are None where there is none.

    This and the summary are made anew for every event of a rebuild. A frozen dataclass takes three times as long to
    make; still nobody changes one.
    """

    messages: int = 0
    last_message_at: datetime | None = None
    meetings: int = 0
    meetings_cancelled: int = 0
    last_meeting_at: datetime | None = None
    goals: int = 0
    goals_reached: int = 0
    goals_abandoned: int = 0
    files: int = 0
    files_withdrawn: int = 0


@dataclass(slots=True)
class RelationshipSummary:
    """`state` is matching's own; `version` that of the relationship's own stream.

    `position` and `last_at` are those of the last event of any service, `began_at` is when the first was recorded.
    `last_meeting_at` in the activity is when the latest meeting that was scheduled begins.
    """

    state: Begun
    version: int
    position: int
    began_at: datetime
    last_at: datetime
    activity: Activity = field(default_factory=Activity)


def fold(history: Iterable[Recorded]) -> RelationshipSummary | None:
    """None for a relationship that has not begun. Personal values stay sealed."""
    summary = None
    for recorded in history:
        event = CATALOGUE.decode(recorded)
        if event is not None:
            summary = evolve_summary(summary, event, recorded)
    return summary


def evolve_summary(before: RelationshipSummary | None, event: Event, recorded: Recorded) -> RelationshipSummary | None:
    if type(event) in _OWN:
        return _evolve_own(before, cast(Happening, event), recorded)
    return before and RelationshipSummary(
        before.state,
        before.version,
        recorded.position,
        before.began_at,
        recorded.recorded_at,
        _evolve_activity(before.activity, event, recorded),
    )


def _evolve_own(before: RelationshipSummary | None, event: Happening, recorded: Recorded) -> RelationshipSummary | None:
    state: State = evolve(before.state if before else NOTHING, event)
    if isinstance(state, Nothing):
        return None
    return RelationshipSummary(
        state,
        recorded.version,
        recorded.position,
        before.began_at if before else recorded.recorded_at,
        recorded.recorded_at,
        before.activity if before else Activity(),
    )


def _evolve_activity(activity: Activity, event: Event, recorded: Recorded) -> Activity:
    match event:
        case MessagePosted():
            return _and(activity, messages=1, last_message_at=recorded.recorded_at)
        case MeetingScheduled(starts_at=starts_at):
            return _and(activity, meetings=1, last_meeting_at=max(starts_at, activity.last_meeting_at or starts_at))
        case MeetingCancelled():
            return _and(activity, meetings_cancelled=1)
        case GoalSet():
            return _and(activity, goals=1)
        case GoalReached():
            return _and(activity, goals_reached=1)
        case GoalAbandoned():
            return _and(activity, goals_abandoned=1)
        case FileShared():
            return _and(activity, files=1)
        case FileWithdrawn():
            return _and(activity, files_withdrawn=1)
        case _:
            return activity


def _and(
    before: Activity,
    messages: int = 0,
    last_message_at: datetime | None = None,
    meetings: int = 0,
    meetings_cancelled: int = 0,
    last_meeting_at: datetime | None = None,
    goals: int = 0,
    goals_reached: int = 0,
    goals_abandoned: int = 0,
    files: int = 0,
    files_withdrawn: int = 0,
) -> Activity:
    """So many more of each."""
    return Activity(
        before.messages + messages,
        last_message_at or before.last_message_at,
        before.meetings + meetings,
        before.meetings_cancelled + meetings_cancelled,
        last_meeting_at or before.last_meeting_at,
        before.goals + goals,
        before.goals_reached + goals_reached,
        before.goals_abandoned + goals_abandoned,
        before.files + files,
        before.files_withdrawn + files_withdrawn,
    )


_SUMMARY = TypeAdapter(RelationshipSummary)
_STATES: dict[str, TypeAdapter[Any]] = {kind.status: TypeAdapter(kind) for kind in get_args(Begun)}


def as_kept(summary: RelationshipSummary) -> dict[str, Any]:
    """JSON, in which `status` tells which state it is."""
    return {"status": summary.state.status, **_SUMMARY.dump_python(summary, mode="json")}


class SummaryColumn(TypeDecorator[RelationshipSummary]):
    """A summary, kept as JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: RelationshipSummary | None, dialect: Any) -> Any:
        return value and as_kept(value)

    def process_result_value(self, value: Any, dialect: Any) -> RelationshipSummary | None:
        if value is None:
            return None
        state = _STATES[value["status"]].validate_python(value["state"])
        return _SUMMARY.validate_python({**value, "state": state})

"""What the mentee is working towards, and how far it is."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Connection, Date, Float, Integer, MetaData, String, Text, Uuid, select
from sqlalchemy import Row as Found

from services.goals.events import GoalAbandoned, GoalReached, GoalSet, ProgressRecorded
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

WORDS = ("title", "measure", "unit", "baseline", "target", "relevance", "due")

Concerning = GoalSet | ProgressRecorded | GoalReached | GoalAbandoned


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    if isinstance(event, Concerning):
        return [(recorded.program, event.goal_id)]
    return []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    now = {"version": recorded.version, "position": recorded.position}
    match event:
        case GoalSet():
            return {
                "program": recorded.program,
                "goal_id": event.goal_id,
                "relationship_id": event.relationship_id,
                "mentee_id": event.mentee_id,
                "set_by": event.set_by,
                **{name: getattr(event, name) for name in WORDS},
                "value": event.baseline,
                "records": [],
                "status": "pursued",
                "reason": None,
                **now,
            }
        case ProgressRecorded(value=value):
            return row and {**row, "value": value, "records": [*row["records"], _entry(event, recorded)], **now}
        case GoalReached():
            return row and {**row, "status": "reached", **now}
        case GoalAbandoned(reason=reason):
            return row and {**row, "status": "abandoned", "reason": reason, **now}
        case _:
            return row


def _entry(event: ProgressRecorded, recorded: Recorded) -> dict[str, Any]:
    return {
        "at": recorded.occurred_at.isoformat(),
        "recorded_by": str(event.recorded_by),
        "value": event.value,
        "note": event.note,
    }


VIEW = View(
    "goals",
    (
        Column("program", Uuid, primary_key=True),
        Column("goal_id", Uuid, primary_key=True),
        Column("relationship_id", Uuid, nullable=False),
        Column("mentee_id", Uuid, nullable=False),
        Column("set_by", Uuid, nullable=False),
        Column("title", Text),
        Column("measure", Text),
        Column("unit", Text),
        Column("baseline", Float, nullable=False),
        Column("target", Float, nullable=False),
        Column("relevance", Text),
        Column("due", Date, nullable=False),
        Column("value", Float, nullable=False),
        Column("records", JSON, nullable=False),
        Column("status", String(20), nullable=False),
        Column("reason", Text),
        Column("version", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("goal_id",), ("relationship_id",)),
    of=get_args(Concerning),
    begun_by=(GoalSet,),
)

table = VIEW.table(MetaData())


def goal(connection: Connection, goal_id: UUID) -> Found[Any] | None:
    return connection.execute(select(table).where(table.c.goal_id == goal_id)).one_or_none()


def goals_of(connection: Connection, relationship_id: UUID) -> Sequence[Found[Any]]:
    query = select(table).where(table.c.relationship_id == relationship_id)
    return connection.execute(query.order_by(table.c.due, table.c.goal_id)).all()

"""When the two meet."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Text, Uuid, select
from sqlalchemy import Row as Found

from services.messaging.events import MeetingCancelled, MeetingScheduled
from shared.database import Timestamp
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

Concerning = MeetingScheduled | MeetingCancelled


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(recorded.program, event.meeting_id)] if isinstance(event, Concerning) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    now = {"version": recorded.version, "position": recorded.position, "changed_at": recorded.occurred_at}
    match event:
        case MeetingScheduled():
            return {
                "program": recorded.program,
                "meeting_id": event.meeting_id,
                "relationship_id": event.relationship_id,
                "organizer_id": event.organizer_id,
                "title": event.title,
                "starts_at": event.starts_at,
                "duration_minutes": event.duration_minutes,
                "time_zone": event.time_zone,
                "video_url": event.video_url,
                "status": "scheduled",
                "reason": None,
                **now,
            }
        case MeetingCancelled(reason=reason):
            return row and {**row, "status": "cancelled", "reason": reason, **now}
        case _:
            return row


VIEW = View(
    "meetings",
    (
        Column("program", Uuid, primary_key=True),
        Column("meeting_id", Uuid, primary_key=True),
        Column("relationship_id", Uuid, nullable=False),
        Column("organizer_id", Uuid, nullable=False),
        Column("title", Text),
        Column("starts_at", Timestamp, nullable=False),
        Column("duration_minutes", Integer, nullable=False),
        Column("time_zone", String(100), nullable=False),
        Column("video_url", Text, nullable=False),
        Column("status", String(20), nullable=False),
        Column("reason", Text),
        Column("changed_at", Timestamp, nullable=False),
        Column("version", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("meeting_id",), ("relationship_id", "starts_at")),
    of=get_args(Concerning),
    begun_by=(MeetingScheduled,),
)

table = VIEW.table(MetaData())


def meeting(connection: Connection, meeting_id: UUID) -> Found[Any] | None:
    return connection.execute(select(table).where(table.c.meeting_id == meeting_id)).one_or_none()


def meetings_of(connection: Connection, relationship_id: UUID) -> Sequence[Found[Any]]:
    query = select(table).where(table.c.relationship_id == relationship_id)
    return connection.execute(query.order_by(table.c.starts_at, table.c.meeting_id)).all()

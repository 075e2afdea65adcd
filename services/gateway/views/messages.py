"""What the two have written to each other."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, MetaData, Select, Text, Uuid, bindparam, select
from sqlalchemy import Row as Found

from services.messaging.events import MessagePosted
from shared.database import Timestamp
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(recorded.program, event.message_id)] if isinstance(event, MessagePosted) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    if not isinstance(event, MessagePosted):
        return row
    return {
        "program": recorded.program,
        "message_id": event.message_id,
        "relationship_id": event.relationship_id,
        "author_id": event.author_id,
        "text": event.text,
        "sent_at": recorded.occurred_at,
        "position": recorded.position,
    }


VIEW = View(
    "messages",
    (
        Column("program", Uuid, primary_key=True),
        Column("message_id", Uuid, primary_key=True),
        Column("relationship_id", Uuid, nullable=False),
        Column("author_id", Uuid, nullable=False),
        Column("text", Text),
        Column("sent_at", Timestamp, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("relationship_id", "position"),),
    of=(MessagePosted,),
    begun_by=(MessagePosted,),
)

table = VIEW.table(MetaData())


ONE: Select[Any] = select(table).where(
    table.c.program == bindparam("program"), table.c.message_id == bindparam("message_id")
)


def messages_of(connection: Connection, relationship_id: UUID, after: int, limit: int) -> Sequence[Found[Any]]:
    """The oldest first, those recorded at a position later than `after`."""
    mine = (table.c.relationship_id == relationship_id, table.c.position > after)
    return connection.execute(select(table).where(*mine).order_by(table.c.position).limit(limit)).all()

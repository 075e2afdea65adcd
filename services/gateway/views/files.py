"""What the two have shared. The bytes themselves are in the object store."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Text, Uuid, select
from sqlalchemy import Row as Found

from services.files.events import FileShared, FileWithdrawn, UploadStarted
from shared.database import Timestamp
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

Concerning = UploadStarted | FileShared | FileWithdrawn


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(recorded.program, event.file_id)] if isinstance(event, Concerning) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    now = {"version": recorded.version, "position": recorded.position}
    match event:
        case UploadStarted():
            return {
                "program": recorded.program,
                "file_id": event.file_id,
                "relationship_id": event.relationship_id,
                "owner_id": event.owner_id,
                "name": event.name,
                "content_type": event.content_type,
                "size": event.size,
                "sha256": event.sha256,
                "status": "uploading",
                "expires_at": event.expires_at,
                "shared_at": None,
                **now,
            }
        case FileShared():
            return row and {**row, "status": "shared", "shared_at": recorded.occurred_at, **now}
        case FileWithdrawn():
            return row and {**row, "status": "withdrawn", **now}
        case _:
            return row


VIEW = View(
    "files",
    (
        Column("program", Uuid, primary_key=True),
        Column("file_id", Uuid, primary_key=True),
        Column("relationship_id", Uuid, nullable=False),
        Column("owner_id", Uuid, nullable=False),
        Column("name", Text),
        Column("content_type", String(100), nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("sha256", Text),
        Column("status", String(20), nullable=False),
        Column("expires_at", Timestamp, nullable=False),
        Column("shared_at", Timestamp),
        Column("version", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("file_id",), ("relationship_id",)),
    of=get_args(Concerning),
    begun_by=(UploadStarted,),
)

table = VIEW.table(MetaData())


def file(connection: Connection, file_id: UUID) -> Found[Any] | None:
    return connection.execute(select(table).where(table.c.file_id == file_id)).one_or_none()


def files_of(connection: Connection, relationship_id: UUID) -> Sequence[Found[Any]]:
    """Those that are shared, and uploads under way."""
    mine = (table.c.relationship_id == relationship_id, table.c.status != "withdrawn")
    return connection.execute(select(table).where(*mine).order_by(table.c.position)).all()

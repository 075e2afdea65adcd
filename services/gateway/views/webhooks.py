"""Webhooks as they were registered. How their delivery goes is not history: the process that delivers keeps it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Connection, MetaData, Text, Uuid, select
from sqlalchemy import Row as Found

from services.identity.events import WebhookRegistered, WebhookRemoved
from shared.database import Timestamp
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.program_id, event.webhook_id)] if isinstance(event, WebhookRegistered | WebhookRemoved) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    if not isinstance(event, WebhookRegistered):
        return None
    return {
        "program": event.program_id,
        "webhook_id": event.webhook_id,
        "url": event.url,
        "types": list(event.types),
        "registered_at": recorded.recorded_at,
        "position": recorded.position,
    }


VIEW = View(
    "webhooks",
    (
        Column("program", Uuid, primary_key=True),
        Column("webhook_id", Uuid, primary_key=True),
        Column("url", Text, nullable=False),
        Column("types", JSON, nullable=False),
        Column("registered_at", Timestamp, nullable=False),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    of=(WebhookRegistered, WebhookRemoved),
)

table = VIEW.table(MetaData())


def webhook(connection: Connection, program: UUID, webhook_id: UUID) -> Found[Any] | None:
    query = select(table).where(table.c.program == program, table.c.webhook_id == webhook_id)
    return connection.execute(query).one_or_none()


def webhooks_of(connection: Connection, program: UUID) -> Sequence[Found[Any]]:
    """In the order in which they were registered."""
    return connection.execute(select(table).where(table.c.program == program).order_by(table.c.position)).all()

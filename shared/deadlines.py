"""What falls due when: rows that follow from events, and the timer that sends the command of each that is due."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, String, Uuid, select

from shared import clock
from shared.database import Timestamp, reading
from shared.ids import NIL, derived_id
from shared.log import Recorded
from shared.messages import Command, Event
from shared.projection import Key, Row, View
from shared.refusals import Refusal
from shared.runtime import Runtime
from shared.service import Context, wire_name

logger = logging.getLogger(__name__)

NAME = "deadlines"
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Due:
    """`command`, whose `at` is when it falls due, is to be sent then, unless settled before."""

    owner: UUID
    name: str
    command: Command


@dataclass(frozen=True, slots=True)
class Settled:
    owner: UUID
    name: str


def deadlines(of: Callable[[Event], Iterable[Due | Settled]]) -> View:
    """The directory's view of what is due; `of` is pure."""

    def keys(event: Event, recorded: Recorded) -> Iterable[Key]:
        return [(item.owner, item.name) for item in of(event)]

    def evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
        for item in of(event):
            if isinstance(item, Due):
                row = {
                    "owner": item.owner,
                    "name": item.name,
                    "due_at": item.command.at,
                    "command": wire_name(type(item.command)),
                    "payload": item.command.model_dump(mode="json"),
                    "program": recorded.program,
                }
            else:
                row = None
        return row

    return View(
        NAME,
        (
            Column("owner", Uuid, primary_key=True),
            Column("name", String(50), primary_key=True),
            Column("due_at", Timestamp, nullable=False),
            Column("command", String(100), nullable=False),
            Column("payload", JSON, nullable=False),
            Column("program", Uuid, nullable=False),
        ),
        keys,
        evolve,
        indexes=(("due_at",),),
    )


def send_due(runtime: Runtime) -> int:
    """Send what is due; how many were. Several senders do no harm: a deadline's command id is always the same."""
    table = runtime.directory.tables.get(NAME)
    if table is None:
        return 0
    query = select(table).where(table.c.due_at <= clock.now()).order_by(table.c.due_at).limit(AT_ONCE)
    with reading(runtime.database) as connection:
        rows: list[Any] = list(connection.execute(query))
    for row in rows:
        command_id = derived_id(row.owner, row.name, row.due_at.isoformat())
        context = Context(command_id, correlation_id=command_id, program=row.program or NIL, actor=f"system:{row.name}")
        try:
            runtime.handle(runtime.service.commands[row.command].model_validate(row.payload), context)
        except Refusal as refusal:
            logger.info(
                "deadline not kept", extra={"deadline": row.name, "owner": str(row.owner), "code": refusal.code}
            )
    return len(rows)

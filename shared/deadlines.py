"""What falls due when: rows that follow from events, and the timer that sends the command of each that is due."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Select, String, Uuid, select

from shared import clock
from shared.database import Timestamp, reading
from shared.ids import derived_id
from shared.log import Recorded
from shared.messages import Command, Event
from shared.projection import Key, Row, View
from shared.refusals import Refusal, Unavailable
from shared.runtime import Runtime
from shared.service import Context, wire_name
from shared.subscription import Subscription

logger = logging.getLogger(__name__)

NAME = "deadlines"
AT_ONCE = 100
PAUSE = 1.0


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


def deadlines(of: Callable[[Event], Due | Settled | None], begun_by: tuple[type[Event], ...] = ()) -> View:
    """The directory's view of what is due. `of`, which is pure, says what an event makes due, or settles."""

    def keys(event: Event, recorded: Recorded) -> Iterable[Key]:
        concerned = of(event)
        return [(concerned.owner, concerned.name)] if concerned else []

    def evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
        due = of(event)
        if not isinstance(due, Due):
            return None
        return {
            "owner": due.owner,
            "name": due.name,
            "due_at": due.command.at,
            "command": wire_name(type(due.command)),
            "payload": due.command.model_dump(mode="json"),
            "program": recorded.program,
        }

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
        begun_by=begun_by,
    )


def keep(runtime: Runtime, stop: threading.Event) -> None:
    """Until stopped: send each command that falls due, and try again what is parked until something is back."""
    subscription = Subscription(runtime)
    while not stop.wait(PAUSE):
        send_due(runtime)
        subscription.redrive_due()


def send_due(runtime: Runtime) -> int:
    """Send what is due, late or not; how many were. Again, or by several senders, does no harm: a deadline's command id
    is always the same. Raises `Unavailable` when a dependency is down: the rest is due the next time."""
    table = runtime.directory.tables.get(NAME)
    if table is None:
        return 0
    due = select(table).where(table.c.due_at <= clock.now()).order_by(table.c.due_at, table.c.owner, table.c.name)
    sent = 0
    while rows := _some(runtime, due.offset(sent).limit(AT_ONCE)):
        for row in rows:
            _send(runtime, row)
        sent += len(rows)
    return sent


def _some(runtime: Runtime, query: Select[Any]) -> Sequence[Any]:
    with reading(runtime.database) as connection:
        return connection.execute(query).all()


def _send(runtime: Runtime, row: Any) -> None:
    """One that is refused, or fails, stays due until an event settles it, and keeps no other waiting."""
    command_id = derived_id(row.owner, row.name, row.due_at.isoformat())
    context = Context(command_id, correlation_id=command_id, program=row.program, actor=f"system:{row.name}")
    try:
        runtime.handle(runtime.service.commands[row.command].model_validate(row.payload), context)
    except Unavailable:
        raise
    except Refusal as refusal:
        logger.info("deadline not kept", extra={"deadline": row.name, "owner": str(row.owner), "code": refusal.code})
    except Exception as error:
        facts = {"deadline": row.name, "owner": str(row.owner), "reason": type(error).__name__}
        logger.error("deadline failed", extra=facts)  # noqa: TRY400 - the error's words may repeat the command's

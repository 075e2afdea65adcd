"""Counts what it is told to, one for each thing that it hears of, and what it promised when that is due."""

import time
from collections.abc import Iterable
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Uuid

from shared.deadlines import Due, Settled, deadlines
from shared.log import Recorded
from shared.messages import Command, Event
from shared.projection import Key, Row, View
from shared.refusals import Conflict
from shared.runtime import Runtime
from shared.service import Aggregate, Asker, Context, Done, Outcome, Service
from tests.integration.toy import events, heard
from tests.integration.toy.events import Counted, Promised
from tests.integration.toy.heard import Happened

LIMIT = 1_000_000
KEPT = 100


class Count(Command):
    counter_id: UUID
    amount: int = 1


class Promise(Command):
    counter_id: UUID
    by: AwareDatetime


class Dawdle(Command):
    """Counts one, after so many seconds."""

    counter_id: UUID
    seconds: float


class Break(Command):
    """Always fails, and says more than it should."""

    secret: str


class WhoAmI(Command):
    """Tells as whom the service sees the asker."""


class TooMuch(Conflict):
    """Nobody can count that far."""


def toy() -> Service:
    return Service(
        name="toy",
        events=events,
        aggregates=(COUNTER,),
        procedures={Dawdle: _dawdle, Break: _break, WhoAmI: _who_am_i},
        heard=(heard,),
        directory=(COUNTERS, deadlines(_due)),
        policies={Happened: (count_what_happened,)},
    )


def count_what_happened(event: Happened, recorded: Recorded) -> Count:
    return Count(counter_id=event.counter_id, at=recorded.occurred_at)


def _evolve(total: int, event: Event) -> int:
    return total + event.amount if isinstance(event, Counted) else total


def _decide(command: Count | Promise, total: int, known: object) -> Outcome:
    if isinstance(command, Promise):
        return [Promised(counter_id=command.counter_id, by=command.by)]
    if total + command.amount > LIMIT:
        raise TooMuch(total=total)
    return [Counted(counter_id=command.counter_id, amount=command.amount)]


COUNTER: Aggregate[int] = Aggregate(
    category="counter",
    initial=0,
    evolve=_evolve,
    decide=_decide,
    commands={Count: lambda command: command.counter_id, Promise: lambda command: command.counter_id},
)


def _due(event: Event) -> Due | Settled | None:
    match event:
        case Promised(counter_id=counter_id, by=by):
            return Due(counter_id, "promise", Count(counter_id=counter_id, amount=KEPT, at=by))
        case Counted(counter_id=counter_id, amount=100):
            return Settled(counter_id, "promise")
        case _:
            return None


def _dawdle(runtime: Runtime, command: Dawdle, asker: Asker, context: Context) -> Done:
    time.sleep(command.seconds)
    return runtime.handle(Count(counter_id=command.counter_id, at=command.at), context)


def _break(runtime: Runtime, command: Break, asker: Asker, context: Context) -> Done:
    raise RuntimeError(command.secret)


def _who_am_i(runtime: Runtime, command: WhoAmI, asker: Asker, context: Context) -> Done:
    return Done(result={"actor": asker.actor})


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.counter_id, event.type)] if isinstance(event, Counted | Happened) else []


def _hear(row: Row | None, event: Event, recorded: Recorded) -> Row:
    assert isinstance(event, Counted | Happened)
    before = row or {"times": 0, "last": 0, "in_order": True}
    return {
        "counter_id": event.counter_id,
        "type": event.type,
        "times": before["times"] + 1,
        "last": recorded.position,
        "in_order": before["in_order"] and before["last"] < recorded.position,
    }


COUNTERS = View(
    "counters",
    (
        Column("counter_id", Uuid, primary_key=True),
        Column("type", String(50), primary_key=True),
        Column("times", Integer, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("in_order", Boolean, nullable=False),
    ),
    _keys,
    _hear,
)

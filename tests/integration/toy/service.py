"""Counts what it is told to, and one for each thing that it hears of."""

import time
from collections.abc import Iterable
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import BigInteger, Boolean, Column, Integer, Uuid

from shared.deadlines import Due, Settled, deadlines
from shared.log import Recorded
from shared.messages import Command, Event
from shared.projection import Key, Row, View
from shared.refusals import Conflict
from shared.runtime import Runtime
from shared.service import Aggregate, Asker, Context, Done, Outcome, Service
from tests.integration.toy import events, heard
from tests.integration.toy.events import Counted
from tests.integration.toy.heard import Happened

LIMIT = 1_000_000


class Count(Command):
    counter_id: UUID
    amount: int = 1


class Dawdle(Command):
    """Counts one, after so many seconds."""

    counter_id: UUID
    seconds: float


class Break(Command):
    """Always fails."""

    password: SecretStr


class WhoAmI(Command):
    """Tells as whom the service sees the asker."""


class TooMuch(Conflict):
    """Nobody can count that far."""


class Broken(Exception):
    """A bug."""


def service() -> Service:
    return Service(
        name="toy",
        events=events,
        aggregates=(COUNTER,),
        procedures={Dawdle: _dawdle, Break: _break, WhoAmI: _who_am_i},
        heard=(heard,),
        directory=(COUNTERS, deadlines(lambda event: None)),
        policies={Happened: (count_what_happened,)},
    )


def _evolve(total: int, event: Event) -> int:
    return total + event.amount if isinstance(event, Counted) else total


def _decide(command: Count, total: int, known: object) -> Outcome:
    if total + command.amount > LIMIT:
        raise TooMuch(total=total)
    return [Counted(counter_id=command.counter_id, amount=command.amount)]


COUNTER: Aggregate[int] = Aggregate(
    category="counter",
    initial=0,
    evolve=_evolve,
    decide=_decide,
    commands={Count: lambda command: command.counter_id},
)


def _dawdle(runtime: Runtime, command: Dawdle, asker: Asker, context: Context) -> Done:
    time.sleep(command.seconds)
    return runtime.handle(Count(counter_id=command.counter_id, at=command.at), context)


def _break(runtime: Runtime, command: Break, asker: Asker, context: Context) -> Done:
    raise Broken(command.password.get_secret_value())


def _who_am_i(runtime: Runtime, command: WhoAmI, asker: Asker, context: Context) -> Done:
    return Done(result={"actor": asker.actor})


def count_what_happened(event: Happened, recorded: Recorded) -> Count:
    return Count(counter_id=event.counter_id, at=recorded.occurred_at)


def _key(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.counter_id, event.type)] if isinstance(event, Counted | Happened) else []

"""A toy service for tests of the technique: counters that count to ten, and a directory of what was counted."""

import sys
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Column, Integer, String, Uuid

from shared.ids import NIL, derived_id
from shared.log import Claim, Recorded, Take
from shared.messages import Command, Event, Personal
from shared.projection import Key, Row, View
from shared.refusals import Conflict
from shared.service import Aggregate, Asker, Service

LIMIT = 10


class Count(Command):
    counter_id: UUID
    by: int = 1
    note: str = ""


class Name(Command):
    counter_id: UUID
    name: str


class Echo(Command):
    """Sent by the policy: counts another counter, which only foreign events reach."""

    counter_id: UUID
    by: int


class Counted(Event, type="counting.counted"):
    counter_id: UUID
    person_id: UUID
    by: int
    note: Annotated[str, Personal("person_id")]


class Named(Event, type="counting.named"):
    counter_id: UUID
    name: str


class Rang(Event, type="bells.rang"):
    """A foreign event."""

    counter_id: UUID
    times: int


class CountedTooFar(Conflict):
    """It counts to ten."""


class NameTaken(Conflict):
    """Another counter is called that."""


@dataclass(frozen=True)
class Counter:
    total: int = 0


def evolve(state: Counter, event: Any) -> Counter:
    return Counter(state.total + event.by) if isinstance(event, Counted) else state


def decide(command: Command, state: Counter, known: Asker) -> list[Event | Claim]:
    match command:
        case Count(counter_id=counter_id, by=by) | Echo(counter_id=counter_id, by=by):
            if by == 0:
                return []
            if state.total + by > LIMIT:
                raise CountedTooFar(total=state.total)
            note = getattr(command, "note", "")
            return [Counted(counter_id=counter_id, person_id=known.person or NIL, by=by, note=note)]
        case Name(counter_id=counter_id, name=name):
            return [Named(counter_id=counter_id, name=name), Take(f"name:{name}", str(counter_id))]
    raise AssertionError(command)


def echo_when_bell_rang(event: Rang, recorded: Recorded) -> Command:
    return Echo(counter_id=derived_id(event.counter_id, "echo"), by=event.times, at=recorded.occurred_at)


def _keys(event: Event, recorded: Recorded) -> list[Key]:
    return [(event.counter_id,)] if isinstance(event, Counted | Rang) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row:
    assert isinstance(event, Counted | Rang)
    before = row or {"counter_id": event.counter_id, "events": 0, "last": ""}
    return {**before, "events": before["events"] + 1, "last": event.type}


HEARD = View(
    "heard",
    (
        Column("counter_id", Uuid, primary_key=True),
        Column("events", Integer, nullable=False),
        Column("last", String(50), nullable=False),
    ),
    _keys,
    _evolve,
)

COUNTER: Aggregate[Counter] = Aggregate(
    category="counter",
    initial=Counter(),
    evolve=evolve,
    decide=decide,
    commands={kind: lambda command: command.counter_id for kind in (Count, Name, Echo)},
)


def counting() -> Service:
    return Service(
        name="counting",
        events=sys.modules[__name__],
        aggregates=[COUNTER],
        replies={Counted: lambda event: {"noted": event.note}},
        taken={"name": NameTaken},
        heard=[Rang],
        directory=[HEARD],
        policies={Rang: [echo_when_bell_rang]},
    )

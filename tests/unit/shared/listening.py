"""A toy service that writes down what it hears, and answers it; what it cannot take in just now can be chosen."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Column, String, Uuid

from shared.log import Recorded
from shared.messages import Command, Event
from shared.projection import Key, Row, View
from shared.refusals import Conflict, Unavailable
from shared.service import Aggregate, Service
from tests.unit.shared.counting import Rang


class Answer(Command):
    counter_id: UUID
    times: int


class Answered(Event, type="listening.answered"):
    counter_id: UUID
    times: int


class Deaf(Conflict):
    """It does not answer to this."""


@dataclass
class Ears:
    """`unfoldable`, `unanswerable`, `held_up` and `refused`: the numbers of rings that make trouble, each its own."""

    unfoldable: set[int] = field(default_factory=set)
    unanswerable: set[int] = field(default_factory=set)
    held_up: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    tried: list[int] = field(default_factory=list)

    def service(self) -> Service:
        return Service(
            name="listening",
            events=sys.modules[__name__],
            aggregates=[
                Aggregate(
                    category="answer",
                    initial=(),
                    evolve=lambda state, event: (*state, event.times),
                    decide=self._decide,
                    commands={Answer: lambda command: command.counter_id},
                )
            ],
            heard=[Rang],
            directory=[self._view()],
            policies={Rang: [self.answer_when_bell_rang]},
        )

    def _view(self) -> View:
        def evolve(row: Row | None, event: Event, recorded: Recorded) -> Row:
            assert isinstance(event, Rang)
            if event.times in self.unfoldable:
                raise ZeroDivisionError(f"a bug that repeats the text: {event.times}")
            before = row["order"] if row else ""
            return {"counter_id": event.counter_id, "order": f"{before} {event.times}".strip()}

        columns = Column("counter_id", Uuid, primary_key=True), Column("order", String(1000), nullable=False)
        return View("heard", columns, _keys, evolve)

    def answer_when_bell_rang(self, event: Rang, recorded: Recorded) -> Answer:
        self.tried.append(event.times)
        if event.times in self.unanswerable:
            raise ZeroDivisionError(f"a bug that repeats the text: {event.times}")
        return Answer(counter_id=event.counter_id, times=event.times, at=recorded.occurred_at)

    def _decide(self, command: Answer, state: tuple[int, ...], known: object) -> list[Event]:
        if command.times in self.held_up:
            raise Unavailable("The object store does not answer.")
        if command.times in self.refused:
            raise Deaf()
        return [Answered(counter_id=command.counter_id, times=command.times)]


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(event.counter_id,)] if isinstance(event, Rang) else []

"""Given, when, then for the domain: `Scenario(aggregate).given(…).when(…).then(…)` or `.refuses(…)`."""

from dataclasses import dataclass, replace
from typing import Any

from shared.messages import Command
from shared.refusals import Refusal
from shared.service import Aggregate


@dataclass(frozen=True)
class Scenario:
    """`known` is what the aggregate's `know` would have found out."""

    aggregate: Aggregate[Any]
    history: tuple[Any, ...] = ()
    known: Any = None

    def given(self, *events: Any) -> "Scenario":
        return replace(self, history=self.history + events)

    def knowing(self, known: Any) -> "Scenario":
        return replace(self, known=known)

    def state(self) -> Any:
        state = self.aggregate.initial
        for event in self.history:
            state = self.aggregate.evolve(state, event)
        return state

    def when(self, command: Command) -> "Result":
        try:
            return Result(self, tuple(self.aggregate.decide(command, self.state(), self.known)), None)
        except Refusal as refusal:
            return Result(self, (), refusal)


@dataclass(frozen=True)
class Result:
    scenario: Scenario
    outcome: tuple[Any, ...]
    refusal: Refusal | None

    def then(self, *expected: Any) -> Scenario:
        """Exactly these events and claims, in this order; gives the scenario that goes on from there."""
        assert self.refusal is None, f"refused: {self.refusal!r}"
        assert self.outcome == expected
        return self.scenario.given(*(item for item in self.outcome if hasattr(item, "schema_version")))

    def refuses(self, kind: type[Refusal]) -> Refusal:
        assert self.refusal is not None, f"not refused: {self.outcome}"
        assert type(self.refusal) is kind, repr(self.refusal)
        return self.refusal

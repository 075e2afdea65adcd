"""One fault after the other, under load; after each the oracle looks at everything that ever happened."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.asking import Outcome
from tests.chaos.examining import examine
from tests.chaos.faults import FAULTS, reason_against
from tests.chaos.load import Load, Programme, prepare
from tests.chaos.oracle import PROMISES, findings
from tests.chaos.place import Place, placed

COUPLES = 4
PAUSE_SECONDS = 2.0
SHOWN = 10

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """How one kind of fault went; `not_done` says why it did not.

    `waited`: the longest that anybody waited for an answer. `broken`: promises that did not hold, and what speaks
    against them.
    """

    fault: str
    rounds: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    waited: float = 0
    events: int = 0
    repeats: int = 0
    seconds: float = 0
    broken: Mapping[str, list[str]] = field(default_factory=dict)
    not_done: str | None = None


@dataclass
class Campaign:
    place: Place
    programme: Programme
    load: Load
    since: int
    seed: int
    tell: Tell

    def run(self, fault: str, rounds: int) -> Row:
        row = self._run(fault, rounds)
        self.tell(_line(_cells(row)))
        return row

    def _run(self, fault: str, rounds: int) -> Row:
        if reason := reason_against(fault, self.place):
            return Row(fault, not_done=reason)
        chance = random.Random(f"{self.seed}-{fault}")
        began, before = time.monotonic(), len(self.load.notebook.asked)
        with self.load.going():
            for number in range(1, rounds + 1):
                time.sleep(chance.uniform(0.1, PAUSE_SECONDS))
                self.tell(f"  {fault} {number}/{rounds}: {FAULTS[fault](self.place, chance)}")
            self.place.await_all()
        evidence = examine(self.place, self.load.notebook, self.programme, self.since)
        asked = evidence.asked[before:]
        return Row(
            fault=fault,
            rounds=rounds,
            outcomes=Counter(one.outcome for one in asked),
            waited=max((one.seconds for one in asked), default=0),
            events=len(evidence.log),
            repeats=sum(len(heard) - len(evidence.log) for heard in evidence.heard.values()),
            seconds=time.monotonic() - began,
            broken=self._broken(findings(evidence), any(one.outcome is Outcome.ACKNOWLEDGED for one in asked)),
        )

    def _broken(self, found: Mapping[str, list[str]], anything_done: bool) -> dict[str, list[str]]:
        broken = {promise: against for promise, against in found.items() if against}
        if surprises := self.load.notebook.surprises:
            broken["no answer is a surprise"] = list(surprises)
        if not anything_done:
            broken["somebody is served"] = ["no command was acknowledged: nothing is proved"]
        return broken


@contextmanager
def prepared(folder: Path, seed: int, tell: Tell) -> Iterator[Campaign]:
    """A platform with couples on it, nothing broken yet."""
    with placed(folder) as place:
        programme = prepare(place.fleet, COUPLES)
        with place.look() as look:
            since = look.head().position
        load = Load(place.fleet.url, programme, seed)
        with closing(load):
            yield Campaign(place, programme, load, since, seed, tell)


def failed(rows: Sequence[Row]) -> list[str]:
    """The faults under which something was not as promised; in CI also those that could not be tried."""
    return [row.fault for row in rows if row.broken or (row.not_done and os.environ.get("CI"))]


HEADINGS = (
    "fault",
    "rounds",
    "acknowledged",
    "refused",
    "uncertain",
    "longest wait",
    "events",
    "repeats",
    "time",
    "held",
)
WIDTHS = (14, 6, 12, 7, 9, 12, 7, 7, 6)


def table(rows: Sequence[Row]) -> str:
    """For reading."""
    lines = [_line(HEADINGS), *(_line(_cells(row)) for row in rows)]
    for row in rows:
        for promise, against in row.broken.items():
            lines += [f"\n{row.fault}: not “{promise}”:", *(f"    {one}" for one in against[:SHOWN])]
    return "\n".join([*lines, "\nAfter each kind of fault:", *(f"    {promise}" for promise in PROMISES)])


def _cells(row: Row) -> Sequence[str]:
    outcomes = (Outcome.ACKNOWLEDGED, Outcome.REFUSED, Outcome.UNCERTAIN)
    counted = [str(row.outcomes.get(outcome, 0)) for outcome in outcomes]
    counts = [f"{row.waited:.1f} s", str(row.events), str(row.repeats), f"{row.seconds:.0f} s"]
    held = f"NOT DONE: {row.not_done}" if row.not_done else "NO" if row.broken else "all"
    return [row.fault, str(row.rounds), *counted, *counts, held]


def _line(cells: Sequence[str]) -> str:
    name, *numbers = zip(cells, WIDTHS, strict=False)
    return "  ".join([name[0].ljust(name[1]), *(cell.rjust(width) for cell, width in numbers), cells[-1]])

"""A benchmark's result: one row of the table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """`ratio` is ours to the peer's. `goal` is the ratio to reach: None where the row is only reported.

    `limit` is what the machine does when it does nothing else but the part that cannot be avoided. `spread` is each
    side's slowest and fastest run.
    """

    name: str
    unit: str
    ours: float
    peer_name: str
    peer: float
    limit_name: str
    limit: float
    goal: float | None
    spread: Mapping[str, tuple[float, float]]

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def reached(self) -> bool:
        return self.goal is None or self.ratio >= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Measured:
    """The median of several runs."""

    value: float
    slowest: float
    fastest: float

    @property
    def spread(self) -> tuple[float, float]:
        return self.slowest, self.fastest


def alternating(runs: int, **sides: Callable[[], float]) -> dict[str, Measured]:
    """Runs each side in turn, so that a busy moment of the machine meets all of them."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, run in sides.items():
            rates[name].append(run())
    return {name: Measured(median(values), min(values), max(values)) for name, values in rates.items()}


def table(rows: Sequence[Row]) -> str:
    lines = [("", "unit", "ours", "peer", "ratio", "goal", "limit", ""), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        row.unit,
        f"{row.ours:,.0f}",
        f"{row.peer:,.0f} {row.peer_name}",
        f"{row.ratio:.1f}",
        f"{row.goal:g}" if row.goal else "-",
        f"{row.limit:,.0f} {row.limit_name}",
        "" if row.reached else "below its goal",
    )

"""A benchmark's result: rows of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Side = Literal["peer", "limit"]


@dataclass(frozen=True)
class Goal:
    """What `ours` shall be, compared `to` one of the other sides or, without it, in the row's own unit."""

    bound: Literal["at least", "at most"]
    value: float
    to: Side | None = None

    def reached(self, ours: float, other: float | None) -> bool:
        wanted = self.value * (1 if self.to is None else other or 0)
        return ours >= wanted if self.bound == "at least" else ours <= wanted

    def __str__(self) -> str:
        sign = "≥" if self.bound == "at least" else "≤"
        return f"{sign} {self.value:g}" + (f" × {self.to}" if self.to else "")


def at_least(value: float, to: Side | None = None) -> Goal:
    return Goal("at least", value, to)


def at_most(value: float, to: Side | None = None) -> Goal:
    return Goal("at most", value, to)


@dataclass(frozen=True)
class Row:
    """`peer`: what others use for the same work. `limit`: what this machine does when it does nothing but the part that
    cannot be avoided. A row without goals is only reported. `spread` is each side's lowest and highest run.
    """

    name: str
    unit: str
    ours: float
    peer_name: str | None = None
    peer: float | None = None
    limit_name: str | None = None
    limit: float | None = None
    goals: tuple[Goal, ...] = ()
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours to the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def missed(self) -> tuple[Goal, ...]:
        others = {"peer": self.peer, "limit": self.limit, None: None}
        return tuple(goal for goal in self.goals if not goal.reached(self.ours, others[goal.to]))

    def as_json(self) -> dict[str, Any]:
        told = asdict(self) | {"ratio": self.ratio, "goal": _listed(self.goals), "reached": not self.missed}
        del told["goals"]
        return told


def table(rows: Sequence[Row]) -> str:
    lines = [("", "unit", "ours", "peer", "ratio", "limit", "goal", ""), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        row.unit,
        number(row.ours),
        f"{number(row.peer)} {row.peer_name or ''}".strip(),
        number(row.ratio),
        f"{number(row.limit)} {row.limit_name or ''}".strip(),
        _listed(row.goals) or "",
        f"missed: {_listed(row.missed)}" if row.missed else "",
    )


def number(value: float | None) -> str:
    """Three digits, or all that stand before the point."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _listed(goals: Sequence[Goal]) -> str | None:
    return ", ".join(map(str, goals)) or None

"""Several runs of each side, by turns."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measured:
    """The median of several runs, and the lowest and highest of them."""

    value: float
    spread: tuple[float, float]


def alternating(runs: int, **sides: Callable[[], float]) -> dict[str, Measured]:
    """Runs each side in turn, so that a busy moment of the machine meets all of them."""
    numbers: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, run in sides.items():
            numbers[name].append(run())
    return {name: measured(values) for name, values in numbers.items()}


def measured(values: list[float]) -> Measured:
    return Measured(median(values), (min(values), max(values)))

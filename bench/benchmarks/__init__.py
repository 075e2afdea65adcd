"""A module for each thing that is measured: its `BENCHMARKS` are found by themselves.

A benchmark is known by its name (`make bench ONLY=relay`). It takes a `Place` to run in and gives its rows, whose names
begin with its own. Alone it takes less than a minute.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence

from bench.place import Place
from bench.row import Row

Benchmark = Callable[[Place], Sequence[Row]]


def benchmarks() -> Mapping[str, Benchmark]:
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {name: benchmark for module in modules for name, benchmark in module.BENCHMARKS.items()}

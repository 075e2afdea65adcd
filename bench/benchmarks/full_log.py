"""A full log: it takes and gives as fast as an empty one."""

import time
from collections.abc import Callable

from bench.benchmarks.append import writing
from bench.full import EVENTS, FullLog, full_log
from bench.measuring import alternating
from bench.place import Place
from bench.row import Row, at_least, at_most
from services.gateway.summary import fold
from shared.log import install_log

RUNS = 3
TIMES = 5


def appending(place: Place) -> list[Row]:
    """16 writers of one event each, as in `append`."""
    full, empty = full_log(place), place.database()
    install_log(empty)
    measured = alternating(RUNS, ours=writing("ours", full.url, 1), peer=writing("ours", empty, 1))
    return [
        Row(
            name="full_log_append",
            unit="events/s",
            ours=measured["ours"].value,
            peer_name="an empty log",
            peer=measured["peer"].value,
            goals=(at_least(0.9, "peer"),),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


def loading(place: Place) -> list[Row]:
    """A relationship, folded from all of its events."""
    full, small = full_log(place), full_log(place, EVENTS // 10)
    measured = alternating(RUNS, ours=_loading(full), peer=_loading(small))
    return [
        Row(
            name="full_log_load",
            unit="µs an event",
            ours=measured["ours"].value,
            peer_name="a tenth of the events",
            peer=measured["peer"].value,
            goals=(at_most(1.2, "peer"),),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


def _loading(full: FullLog) -> Callable[[], float]:
    relationships = full.relationships()

    def run() -> float:
        began, events = time.perf_counter(), 0
        for _ in range(TIMES):
            for relationship in relationships:
                history = full.log.of_subject(relationship)
                fold(history)
                events += len(history)
        return (time.perf_counter() - began) / events * 1_000_000

    return run


BENCHMARKS = {"full_log_append": appending, "full_log_load": loading}

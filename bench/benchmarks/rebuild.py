"""Rebuild: how many events per second become views again, and what memory that takes."""

import time
from collections.abc import Callable

import psycopg

from bench.full import EVENTS, FullLog, full_log
from bench.measuring import Measured, alternating
from bench.peers import recorded
from bench.place import Place, plain
from bench.processes import working
from bench.row import Row, at_least, at_most
from shared.dividing import processes

RUNS = 3
AT_ONCE = 2000
PEERS_EVENTS = 20_000
STATE = "relationships"
TEXT = "sealed:1:" + "a" * 200
BATCH = "SELECT * FROM log.events WHERE position > %s AND position <= %s ORDER BY position"


def of_state(place: Place) -> list[Row]:
    """The state of every relationship, from the log into its table, indexes included."""
    full = full_log(place)
    library = recorded.application(place.database())
    recorded.write(library, PEERS_EVENTS, TEXT)
    measured = alternating(
        RUNS,
        ours=_rebuilding(full, STATE),
        peer=lambda: _timed(lambda: recorded.read(library)),
        peer_at_once=lambda: _timed(lambda: recorded.read_many_at_once(library)),
        limit=_selecting(full),
    )
    library.close()
    goals = (at_least(5, "peer"), at_least(0.3, "limit"))
    ours = Row(
        name="rebuild",
        unit=f"events/s, {processes()} processes",
        ours=measured["ours"].value,
        peer_name="eventsourcing reads its log, one process",
        peer=measured["peer"].value,
        limit_name="bare SELECT",
        limit=measured["limit"].value,
        goals=goals,
        spread=_spread(measured),
    )
    others = measured["ours"].value, "the same, 2,000 at a time", measured["peer_at_once"].value
    return [
        ours,
        Row("rebuild_at_once", "events/s", *others),
        Row("rebuild_all_views", "events/s", _rebuilding(full)()),
    ]


def flat(place: Place) -> list[Row]:
    """As fast in a full log as in one of a tenth of the events."""
    sides = {"ours": _rebuilding(full_log(place), STATE), "peer": _rebuilding(full_log(place, EVENTS // 10), STATE)}
    measured = alternating(RUNS, **sides)
    return [
        Row(
            name="rebuild_linear",
            unit="events/s",
            ours=measured["ours"].value,
            peer_name="a tenth of the events",
            peer=measured["peer"].value,
            goals=(at_least(0.9, "peer"),),
            spread=_spread(measured),
        )
    ]


def memory(place: Place) -> list[Row]:
    """About as many relationships with twice as much between them take no more memory."""
    quiet, talkative = full_log(place, EVENTS // 2, talkative=47), full_log(place, EVENTS, talkative=105)
    rebuilt = {name: _rebuilt(full, STATE) for name, full in (("ours", talkative), ("peer", quiet))}
    (_, ours, relationships), (_, peer, fewer) = rebuilt["ours"], rebuilt["peer"]
    return [
        Row(
            name="rebuild_memory",
            unit=f"MB, {EVENTS:,} events",
            ours=ours,
            peer_name=f"{EVENTS // 2:,} events",
            peer=peer,
            goals=(at_most(1.1, "peer"),),
        ),
        Row("rebuild_memory_relationships", "relationships", relationships, f"{EVENTS // 2:,} events", fewer),
    ]


def _rebuilding(full: FullLog, *views: str) -> Callable[[], float]:
    return lambda: _rebuilt(full, *views)[0]


def _rebuilt(full: FullLog, *views: str) -> list[float]:
    """By a new process: events per second, MB, rows."""
    with working("bench.rebuilders", full.url, str(full.secrets), *views) as rebuilder:
        rebuilder.go()
        return [float(number) for number in rebuilder.told().split()]


def _selecting(full: FullLog) -> Callable[[], float]:
    def fetch() -> int:
        last = full.log.head().position
        with psycopg.connect(plain(full.url)) as connection:
            return sum(
                len(connection.execute(BATCH, (after, after + AT_ONCE), binary=True).fetchall())
                for after in range(0, last, AT_ONCE)
            )

    return lambda: _timed(fetch)


def _timed(work: Callable[[], int]) -> float:
    """How many per second."""
    began = time.perf_counter()
    return work() / (time.perf_counter() - began)


def _spread(measured: dict[str, Measured]) -> dict[str, tuple[float, float]]:
    return {side: one.spread for side, one in measured.items()}


BENCHMARKS = {"rebuild": of_state, "rebuild_linear": flat, "rebuild_memory": memory}

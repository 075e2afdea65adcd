"""Append: how many events per second become durable when each writer has one at a time."""

from collections.abc import Callable
from contextlib import ExitStack

from bench.measuring import alternating
from bench.place import Place, connect
from bench.processes import working
from bench.row import Goal, Row, at_least
from shared.log import install_log

RUNS = 3
SECONDS = 2.0
LIMIT = "bare INSERT"


def in_one_process(place: Place) -> list[Row]:
    """16 threads of one process, against the library as it is configured by default."""
    return [_against("append", "peer", "eventsourcing", place, 1, at_least(4, "peer"))]


def with_functions(place: Place) -> list[Row]:
    """The same against the library's stored procedures, which it leaves off by default."""
    return [_against("append_functions", "peer_functions", "eventsourcing, functions on", place, 1)]


def in_five_processes(place: Place) -> list[Row]:
    """5 processes of 16 green threads each, as hosted services are; the library in the same way."""
    return [_against("append_processes", "peer", "eventsourcing", place, 5)]


def _against(name: str, peer: str, peer_name: str, place: Place, processes: int, *goals: Goal) -> Row:
    mine, others, bare = (place.database() for _ in range(3))
    install_log(mine)
    with connect(bare) as connection:
        connection.execute("CREATE TABLE bare (id uuid PRIMARY KEY, text text)")
    measured = alternating(
        RUNS,
        ours=writing("ours", mine, processes),
        peer=writing(peer, others, processes),
        limit=writing("bare", bare, processes),
    )
    return Row(
        name=name,
        unit="events/s",
        ours=measured["ours"].value,
        peer_name=peer_name,
        peer=measured["peer"].value,
        limit_name=LIMIT,
        limit=measured["limit"].value,
        goals=goals,
        spread={side: measured[side].spread for side in measured},
    )


def writing(side: str, url: str, processes: int) -> Callable[[], float]:
    green = ["--green"] if processes > 1 else []
    environment = {"PSYCOPG_WAIT_FUNC": "wait_selector"} if green else {}

    def run() -> float:
        with ExitStack() as stack:
            arguments = [side, url, "16", str(SECONDS), *green]
            writers = [
                stack.enter_context(working("bench.writers", *arguments, environment=environment))
                for _ in range(processes)
            ]
            for writer in writers:
                writer.go()
            return sum(float(writer.told()) for writer in writers) / SECONDS

    return run


BENCHMARKS = {
    "append": in_one_process,
    "append_functions": with_functions,
    "append_processes": in_five_processes,
}

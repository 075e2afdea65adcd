"""Append: how many events per second become durable when each writer has one at a time."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack

from bench.measuring import alternating
from bench.place import Place, connect
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
        ours=_writing("ours", mine, processes),
        peer=_writing(peer, others, processes),
        limit=_writing("bare", bare, processes),
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


def _writing(side: str, url: str, processes: int) -> Callable[[], float]:
    green = ["--green"] if processes > 1 else []
    command = [sys.executable, "-W", "ignore", "-m", "bench.writers", side, url, "16", str(SECONDS), *green]
    environment = os.environ | ({"PSYCOPG_WAIT_FUNC": "wait_selector"} if green else {})

    def run() -> float:
        with ExitStack() as stack:
            writers = [stack.enter_context(_started(command, environment))]
            _told(writers[0])  # it has made the library's tables
            writers += [stack.enter_context(_started(command, environment)) for _ in range(processes - 1)]
            for writer in writers[1:]:
                _told(writer)
            for writer in writers:
                print(file=writer.stdin, flush=True)
            return sum(int(_told(writer)) for writer in writers) / SECONDS

    return run


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _told(writer: subprocess.Popen[str]) -> str:
    """Its next line."""
    line = writer.stdout.readline() if writer.stdout else ""
    if not line:
        raise RuntimeError("a writer ended before its time")
    return line


BENCHMARKS = {
    "append": in_one_process,
    "append_functions": with_functions,
    "append_processes": in_five_processes,
}

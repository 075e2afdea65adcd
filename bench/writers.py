"""One process of writers, as a benchmark starts it: `python -m bench.writers SIDE URL WRITERS SECONDS [--green]`.

Prints `ready`, waits for a line, lets its writers write one event each, again and again, for so many seconds and prints
how many events they wrote. With `--green` its writers are green threads, as in a hosted service.
"""

import sys

if "--green" in sys.argv:
    import eventlet

    eventlet.monkey_patch()

import argparse
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from sqlalchemy import make_url

from bench.place import plain
from shared.ids import NIL, new_id
from shared.log import Append, Appended, Entry, open_log

TEXT = "Shall we talk about the first chapter on Thursday, before your call with the others? " * 2

Write = Callable[[], object]


def ours(url: str) -> Write:
    """The log: one new stream of one event. Ids as the platform makes them: who sends a command makes the stream's, in
    the order of time; those of command and event are derived, in no order."""
    log = open_log(url)

    def write() -> None:
        stream, actor = new_id(), uuid4()
        data = json.dumps({"text": TEXT})
        entry = Entry(uuid4(), "rooms.said", 1, stream, datetime.now(UTC), data)
        append = Append(f"room-{stream}", 0, uuid4(), b"0" * 32, NIL, str(actor), uuid4(), None, (entry,))
        (outcome,) = log.append([append])
        if not isinstance(outcome, Appended):
            raise TypeError(outcome)

    return write


class Room(Aggregate):
    def __init__(self, text: str) -> None:
        self.text = text


def peer(url: str, functions: str = "n") -> Write:
    """The eventsourcing library: one new aggregate of one event."""
    parsed = make_url(url)
    application = Application[UUID](
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(parsed.database),
            "POSTGRES_HOST": str(parsed.host),
            "POSTGRES_PORT": str(parsed.port),
            "POSTGRES_USER": str(parsed.username),
            "POSTGRES_PASSWORD": str(parsed.password),
            "POSTGRES_POOL_SIZE": "16",
            "POSTGRES_ENABLE_DB_FUNCTIONS": functions,
        }
    )
    return lambda: application.save(Room(text=TEXT))


def peer_functions(url: str) -> Write:
    """The same with its stored procedures, which are off by default."""
    return peer(url, functions="y")


def bare(url: str) -> Write:
    """One row into a table without order, hash or check: what a durable commit alone costs."""
    own = threading.local()

    def write() -> None:
        if not hasattr(own, "connection"):
            own.connection = psycopg.connect(plain(url), autocommit=True)
        own.connection.execute("INSERT INTO bare VALUES (%s, %s)", (uuid4(), TEXT))

    return write


SIDES = {"ours": ours, "peer": peer, "peer_functions": peer_functions, "bare": bare}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("url")
    parser.add_argument("writers", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--green", action="store_true")
    chosen = parser.parse_args()
    write = SIDES[chosen.side](chosen.url)
    write()
    print("ready", flush=True)
    sys.stdin.readline()
    print(race(write, chosen.writers, chosen.seconds), flush=True)


def race(write: Write, writers: int, seconds: float) -> int:
    counts = [0] * writers
    until = time.monotonic() + seconds

    def run(number: int) -> None:
        while time.monotonic() < until:
            write()
            counts[number] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


if __name__ == "__main__":
    main()

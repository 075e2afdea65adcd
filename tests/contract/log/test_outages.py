"""What is said when the storage cannot be had, and that the log works again afterwards."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url

from shared.log import Appended, EventLog, open_log
from shared.log.hashing import Intact, verify
from shared.log.sqlite import SqliteLog
from shared.refusals import Unavailable
from tests.contract.log.saying import one, recorded, say, texts
from tests.contract.log.stores import Store, administrator, only_postgres, only_sqlite, ungrouped


def _cut_connections(url: str) -> None:
    with administrator(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def _closed(url: str) -> Iterator[None]:
    """The database accepts nobody and has thrown out whoever was there."""
    name = make_url(url).database
    elsewhere = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    with administrator(elsewhere) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


@only_postgres
def test_connections_that_broke_while_idle_are_replaced_without_a_word(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    for _ in range(2):
        _cut_connections(store.url)
        assert log.head().position >= 1
        _cut_connections(store.url)
        recorded(log, say("kitchen", "b", after=log.head().position))
    assert texts(log) == ["a", "b", "b"]


@only_postgres
def test_every_question_is_unavailable_while_the_database_is_gone_and_answered_once_it_is_back(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    command = say("kitchen", "b", after=1)
    with _closed(store.url):
        for question in (
            lambda: log.append([command]),
            lambda: log.read(0),
            lambda: log.streams(["kitchen"]),
            lambda: log.receipts([command.command_id]),
            log.head,
            lambda: log.wait(0, 0.1),
        ):
            for _ in range(2):
                with pytest.raises(Unavailable):
                    question()
    assert one(log, command) == Appended(2, 2, 2)
    assert texts(log) == ["a", "b"]


@only_postgres
def test_those_who_wait_are_woken_after_an_outage(store: Store) -> None:
    writer, waiter = store.open(), store.open()
    recorded(writer, say("kitchen", "a"))
    woken: list[bool] = []

    def wait() -> None:
        while not woken:
            try:
                woken.append(waiter.wait(1, 20))
            except Unavailable:
                time.sleep(0.05)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with _closed(store.url):
        time.sleep(0.3)
    recorded(writer, say("kitchen", "b", after=1))
    waiting.join()
    assert woken == [True]


@only_postgres
def test_connections_cut_under_load_lose_nothing_and_double_nothing(store: Store) -> None:
    log = store.open()
    over = threading.Event()

    def write(room: str) -> None:
        for number in range(40):
            command = say(room, f"{room} {number}", after=number)
            while True:
                try:
                    recorded(log, command)
                    break
                except Unavailable:
                    time.sleep(0.01)

    def cut() -> None:
        while not over.wait(0.02):
            _cut_connections(store.url)

    cutter = threading.Thread(target=cut)
    writers = [threading.Thread(target=write, args=(f"room-{n}",)) for n in range(4)]
    for thread in (cutter, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    cutter.join()
    assert sorted(texts(log)) == sorted(f"room-{n} {number}" for n in range(4) for number in range(40))
    assert verify(log) == Intact(log.head())


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/nowhere", "sqlite:////dev/null/nowhere.db"])
def test_a_storage_that_is_not_there_is_unavailable(url: str) -> None:
    log = open_log(url)
    with pytest.raises(Unavailable):
        log.head()
    with pytest.raises(Unavailable):
        log.append([say("kitchen", "a")])
    log.close()


@only_sqlite
def test_a_file_that_another_process_keeps_writing_to_is_unavailable(store: Store) -> None:
    log = store.open()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    command = say("kitchen", "a")
    started = time.monotonic()
    with pytest.raises(Unavailable):
        log.append([command])
    assert 0.5 <= time.monotonic() - started < 3
    assert log.head().position == 0
    other.execute("ROLLBACK")
    other.close()
    recorded(log, command)


@only_sqlite
@ungrouped
def test_a_full_disk_is_unavailable_and_leaves_nothing(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    assert isinstance(log, SqliteLog)
    with log._connection() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    command = say("kitchen", "b" * 100_000, after=1)
    with pytest.raises(Unavailable):
        log.append([command])
    assert texts(log) == ["a"]
    with log._connection() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    recorded(log, command)
    assert verify(log) == Intact(log.head())


def test_a_closed_log_lets_go_of_its_threads(log: EventLog) -> None:
    recorded(log, say("kitchen", "a"))
    log.wait(1, 0.05)
    log.close()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("log ")] == []

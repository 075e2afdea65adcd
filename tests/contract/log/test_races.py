"""Writers and readers at the same time: positions stay dense, and whoever has seen one has seen all before it."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson
import pytest

from shared.log import Appended, EventLog, Take, VersionConflict
from shared.log.hashing import Intact, verify
from shared.log.judging import judge
from tests.contract.log.saying import one, recorded, say, texts
from tests.contract.log.stores import Store, administrator, only_postgres, only_sqlite, ungrouped


def test_appends_from_many_threads_keep_density(store: Store) -> None:
    writers = [store.open(), store.open()]
    outcomes: list[Any] = []

    def write(log: EventLog, room: str) -> None:
        outcomes.extend(one(log, say(room, "a", "b", after=2 * number)) for number in range(15))

    _all_at_once([lambda n=n: write(writers[n % 2], f"room-{n}") for n in range(8)])  # type: ignore[misc]
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert sorted(outcome.first for outcome in outcomes) == list(range(1, 241, 2))
    assert verify(writers[0]) == Intact(writers[1].head())


def test_only_one_of_many_who_decided_on_one_version_is_recorded(store: Store) -> None:
    writers = [store.open(), store.open()]
    outcomes: list[Any] = []
    _all_at_once([lambda n=n: outcomes.append(one(writers[n % 2], say("kitchen", str(n)))) for n in range(8)])  # type: ignore[misc]
    assert outcomes.count(Appended(1, 1, 1)) == 1
    assert outcomes.count(VersionConflict(1)) == 7


def test_only_one_of_many_who_take_a_key_holds_it(store: Store) -> None:
    writers = [store.open(), store.open()]
    outcomes: list[Any] = []
    takes = [say(f"room-{n}", "mine", claims=[Take("key", str(n))]) for n in range(8)]
    _all_at_once([lambda n=n: outcomes.append(one(writers[n % 2], takes[n])) for n in range(8)])  # type: ignore[misc]
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1


def test_one_command_sent_many_times_at_once_is_recorded_once(store: Store) -> None:
    writers = [store.open(), store.open()]
    command = say("kitchen", "a")
    outcomes: list[Any] = []
    _all_at_once([lambda n=n: outcomes.append(one(writers[n % 2], command)) for n in range(8)])  # type: ignore[misc]
    assert sorted(outcome.repeated for outcome in outcomes) == [False] + [True] * 7
    assert {(outcome.first, outcome.last, outcome.version) for outcome in outcomes} == {(1, 1, 1)}


def test_a_reader_never_sees_a_gap_while_others_write(store: Store) -> None:
    log, reader = store.open(), store.open()
    writing = threading.Thread(target=lambda: [recorded(log, say(f"room-{n}", "a", "b")) for n in range(60)])
    writing.start()
    seen: list[int] = []
    while len(seen) < 120 and reader.wait(len(seen), timeout=10):
        seen += [event.position for event in reader.read(len(seen), limit=7)]
    writing.join()
    assert seen == list(range(1, 121))


class Contest(Protocol):
    """A storage on which A's transaction can be held open while B commits, if it lets B."""

    def hold(self, text: str) -> Callable[[], None]:
        """Append in a transaction that is open until the returned function commits it."""
        ...

    def append(self, text: str) -> None: ...

    def waits(self) -> bool:
        """Whether an append is waiting for another transaction."""
        ...

    def read(self, after: int) -> list[tuple[int, str]]: ...


def what_a_follower_sees(contest: Contest) -> list[str]:
    """A is held open, B appends; the follower reads before and after A's commit, from where it was."""
    commit_a = contest.hold("A")
    b = threading.Thread(target=contest.append, args=("B",))
    b.start()
    _until(lambda: not b.is_alive() or contest.waits())
    seen = contest.read(0)
    commit_a()
    b.join()
    return [text for _, text in seen + contest.read(seen[-1][0] if seen else 0)]


class PostgresContest:
    def __init__(self, log: EventLog, url: str) -> None:
        self._log, self._url = log, url

    def hold(self, text: str) -> Callable[[], None]:
        connection = administrator(self._url)
        connection.autocommit = False
        connection.execute("SELECT log.append(%s)", (orjson.dumps([say("a", text)], default=bytes.hex).decode(),))

        def commit() -> None:
            connection.commit()
            connection.close()

        return commit

    def append(self, text: str) -> None:
        recorded(self._log, say("b", text))

    def waits(self) -> bool:
        return _somebody_waits(self._url)

    def read(self, after: int) -> list[tuple[int, str]]:
        return _positions_and_texts(self._log, after)


class SequenceContest:
    """The mistake: positions from a sequence come in the order of asking, not of committing."""

    def __init__(self, url: str) -> None:
        self._url = url
        with administrator(url) as connection:
            connection.execute("CREATE TABLE said (position bigserial PRIMARY KEY, text text)")

    def hold(self, text: str) -> Callable[[], None]:
        connection = administrator(self._url)
        connection.autocommit = False
        connection.execute("INSERT INTO said (text) VALUES (%s)", (text,))

        def commit() -> None:
            connection.commit()
            connection.close()

        return commit

    def append(self, text: str) -> None:
        self.hold(text)()

    def waits(self) -> bool:
        return _somebody_waits(self._url)

    def read(self, after: int) -> list[tuple[int, str]]:
        with administrator(self._url) as connection:
            rows = connection.execute("SELECT position, text FROM said WHERE position > %s ORDER BY 1", (after,))
            return rows.fetchall()


class SqliteContest:
    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self._logs = {"A": store.open(), "B": store.open()}
        self._reader = store.open()
        self._b_came = threading.Event()
        self._monkeypatch = monkeypatch

    def hold(self, text: str) -> Callable[[], None]:
        inside, go_on = threading.Event(), threading.Event()

        def judge_and_hold(books: Any, batch: Any, *rest: Any) -> Any:
            judged = judge(books, batch, *rest)
            if batch[0].stream == "A":
                inside.set()
                assert go_on.wait(10)
            return judged

        self._monkeypatch.setattr("shared.log.sqlite.judge", judge_and_hold)
        a = threading.Thread(target=self.append, args=(text,))
        a.start()
        assert inside.wait(10)

        def commit() -> None:
            go_on.set()
            a.join()

        return commit

    def append(self, text: str) -> None:
        if text == "B":
            self._b_came.set()
        recorded(self._logs[text], say(text, text))

    def waits(self) -> bool:
        return self._b_came.wait(0.1)

    def read(self, after: int) -> list[tuple[int, str]]:
        return _positions_and_texts(self._reader, after)


@only_postgres
def test_a_follower_misses_nothing_when_a_slow_writer_is_overtaken(store: Store) -> None:
    assert what_a_follower_sees(PostgresContest(store.open(), store.url)) == ["A", "B"]


@only_postgres
@ungrouped
def test_a_follower_of_a_sequence_would_miss_the_slow_writer(store: Store) -> None:
    assert what_a_follower_sees(SequenceContest(store.url)) == ["B"]


@only_sqlite
def test_a_follower_misses_nothing_in_a_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_a_follower_sees(SqliteContest(store, monkeypatch)) == ["A", "B"]


@only_postgres
def test_a_writer_who_rolls_back_leaves_no_gap(store: Store) -> None:
    log = store.open()
    with administrator(store.url) as connection, connection.transaction(force_rollback=True):
        connection.execute("SELECT log.append(%s)", (orjson.dumps([say("a", "A")], default=bytes.hex).decode(),))
    assert recorded(log, say("b", "B")) == Appended(1, 1, 1)
    assert texts(log) == ["B"]


def _all_at_once(tasks: list[Callable[[], Any]]) -> None:
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> None:
        start.wait()
        task()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _until(condition: Callable[[], bool], timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _somebody_waits(url: str) -> bool:
    with administrator(url) as connection:
        waiting = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return waiting.fetchone() is not None


def _positions_and_texts(log: EventLog, after: int) -> list[tuple[int, str]]:
    return [(event.position, json.loads(event.data)["text"]) for event in log.read(after)]

"""Writers and readers at the same time: positions stay dense, and whoever has seen one has seen all before it."""

import json
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Protocol
from uuid import uuid4

import orjson
import pytest

from shared.log import Append, Appended, ClaimTaken, EventLog, IdReused, Outcome, Take, VersionConflict
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


class Held:
    """An append whose transaction is open until it is ended."""

    def __init__(self, url: str, append: Append) -> None:
        self._connection = administrator(url)
        self._connection.autocommit = False
        self._connection.execute("SELECT log.append(%s)", (orjson.dumps([append], default=bytes.hex).decode(),))

    def commit(self) -> None:
        self._connection.commit()
        self._connection.close()

    def roll_back(self) -> None:
        self._connection.rollback()
        self._connection.close()


class PostgresContest:
    def __init__(self, log: EventLog, url: str) -> None:
        self._log, self._url = log, url

    def hold(self, text: str) -> Callable[[], None]:
        held = Held(self._url, say("a", text))
        return held.commit

    def append(self, text: str) -> None:
        recorded(self._log, say("b", text))

    def waits(self) -> bool:
        return _somebody_waits(self._url)

    def read(self, after: int) -> list[tuple[int, str]]:
        return _positions_and_texts(self._log, after)


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
def test_the_same_test_fails_where_positions_come_from_a_sequence(store: Store) -> None:
    log = store.open()
    take_positions_from_a_sequence(store.url)
    with pytest.raises(AssertionError, match=r"\['B'\] == \['A', 'B'\]"):
        test_a_follower_misses_nothing_when_a_slow_writer_is_overtaken(store)
    assert [position for position, _ in _positions_and_texts(log, 0)] == [1, 2], "both are there, A came late"


def take_positions_from_a_sequence(url: str) -> None:
    """The mistake: nobody holds the head, and positions come in the order of asking, not of committing."""
    source = files("shared.log").joinpath("postgres.sql").read_text()
    function = source[source.index("CREATE OR REPLACE FUNCTION log.append") : source.index("REVOKE ALL ON FUNCTION")]
    for right, wrong in {
        "FROM log.head FOR UPDATE;": "FROM log.head;",
        "last.position := last.position + 1;": "last.position := nextval('log.positions');",
        "IF last.position > started THEN": "IF false THEN",
    }.items():
        assert function.count(right) == 1
        function = function.replace(right, wrong)
    with administrator(url) as connection:
        connection.execute("SET ROLE mentoring_log")
        connection.execute("CREATE SEQUENCE log.positions")
        connection.execute(function.encode())


@only_sqlite
def test_a_follower_misses_nothing_in_a_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_a_follower_sees(SqliteContest(store, monkeypatch)) == ["A", "B"]


def behind(held: Held, log: EventLog, append: Append, url: str, end: Callable[[Held], None]) -> Outcome:
    """What becomes of an append that comes while another one is held open, once that has ended."""
    outcomes: list[Outcome] = []
    waiting = threading.Thread(target=lambda: outcomes.append(one(log, append)))
    waiting.start()
    _until(lambda: _somebody_waits(url))
    assert outcomes == []
    end(held)
    waiting.join()
    return outcomes[0]


COMMAND = uuid4()
FIRST = say("kitchen", "A", command=COMMAND, claims=[Take("key", "ada")])
RIVALS: dict[str, tuple[Append, Outcome]] = {
    "on the same version": (say("kitchen", "B"), VersionConflict(1)),
    "for the same key": (say("garden", "B", claims=[Take("key", "grace")]), ClaimTaken("key")),
    "the same command": (FIRST, Appended(1, 1, version=1, repeated=True)),
    "another command under its id": (say("garden", "B", command=COMMAND, digest=b"another"), IdReused()),
    "of no concern to it": (say("garden", "B"), Appended(2, 2, version=1)),
}


@only_postgres
@pytest.mark.parametrize("rival", RIVALS)
def test_an_append_is_judged_by_what_was_committed_before_it(store: Store, rival: str) -> None:
    append, outcome = RIVALS[rival]
    log = store.open()
    assert behind(Held(store.url, FIRST), log, append, store.url, Held.commit) == outcome
    assert verify(log) == Intact(log.head())


@only_postgres
@pytest.mark.parametrize("rival", RIVALS)
def test_an_append_is_not_judged_by_what_was_rolled_back(store: Store, rival: str) -> None:
    append, _ = RIVALS[rival]
    log = store.open()
    assert behind(Held(store.url, FIRST), log, append, store.url, Held.roll_back) == Appended(1, 1, version=1)
    assert verify(log) == Intact(log.head())


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

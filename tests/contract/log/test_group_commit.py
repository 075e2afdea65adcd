"""What waits in one process goes to the log together, and nobody suffers from another's failure."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from shared.log import Append, Appended, EventLog, Outcome, VersionConflict
from shared.log.group_commit import GroupCommit
from shared.log.memory import MemoryLog
from shared.refusals import Unavailable
from tests.contract.log.saying import in_green, one, recorded, say, texts


class SlowLog(MemoryLog):
    """Its first append waits until it is let go; `fail` is raised instead of the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.fail: BaseException | None = None

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        self.batches.append(len(batch))
        if not self.begun.is_set():
            self.begun.set()
            assert self.let_go.wait(10)
        failure, self.fail = self.fail, None
        if failure:
            raise failure
        return super().append(batch)


class Crowd:
    """Somebody is writing; others line up behind in the order in which they came; then all go on."""

    def __init__(self, slow: SlowLog, largest: int = 200) -> None:
        self.slow = slow
        self.log = GroupCommit(slow, largest)
        self.answers: dict[str, list[Outcome] | BaseException] = {}
        self._threads: list[threading.Thread] = []

    def come(self, name: str, *appends: Append) -> None:
        thread = threading.Thread(target=self._append, args=(name, appends))
        thread.start()
        self._threads.append(thread)
        if len(self._threads) == 1:
            assert self.slow.begun.wait(10)
        else:
            self._until_in_line(len(self._threads) - 1)

    def go_on(self) -> dict[str, list[Outcome] | BaseException]:
        self.slow.let_go.set()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        return self.answers

    def _append(self, name: str, appends: Sequence[Append]) -> None:
        try:
            self.answers[name] = self.log.append(appends)
        except BaseException as error:  # noqa: BLE001 - it is what this caller got
            self.answers[name] = error

    def _until_in_line(self, count: int) -> None:
        while len(self.log._line) < count:
            threading.Event().wait(0.001)


@pytest.fixture
def slow() -> SlowLog:
    return SlowLog()


@pytest.fixture
def crowd(slow: SlowLog) -> Iterator[Crowd]:
    crowd = Crowd(slow)
    crowd.come("first", say("first", "a"))
    yield crowd
    slow.let_go.set()


def test_those_who_wait_go_together_and_each_gets_its_own_answers(crowd: Crowd) -> None:
    crowd.come("ada", say("kitchen", "b"), say("kitchen", "c", "d", after=1))
    crowd.come("grace", say("kitchen", "late", after=1))
    crowd.come("mary", say("garden", "e"))
    assert crowd.go_on() == {
        "first": [Appended(1, 1, 1)],
        "ada": [Appended(2, 2, 1), Appended(3, 4, 3)],
        "grace": [VersionConflict(3)],
        "mary": [Appended(5, 5, 1)],
    }
    assert crowd.slow.batches == [1, 4]


def test_a_batch_has_a_largest_size_and_one_caller_is_never_split(slow: SlowLog) -> None:
    crowd = Crowd(slow, largest=3)
    crowd.come("first", say("first", "a"))
    crowd.come("many", *(say(f"room-{n}", "b") for n in range(5)))
    crowd.come("two", say("kitchen", "c"), say("kitchen", "d", after=1))
    crowd.come("one", say("garden", "e"))
    crowd.come("last", say("attic", "f"))
    crowd.go_on()
    assert slow.batches == [1, 5, 3, 1]
    assert texts(slow) == ["a", *"bbbbb", "c", "d", "e", "f"]


def test_all_who_were_in_the_batch_hear_that_the_log_is_unavailable(crowd: Crowd) -> None:
    crowd.slow.fail = Unavailable("down")
    crowd.come("ada", say("kitchen", "b"))
    answers = crowd.go_on()
    assert isinstance(answers["first"], Unavailable)
    assert answers["ada"] == [Appended(1, 1, 1)]


def test_the_next_batch_may_fail_as_a_whole(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd.come("ada", say("kitchen", "b"))
    crowd.come("grace", say("garden", "c"))
    recording = crowd.slow.append

    def record_once(batch: Sequence[Append]) -> list[Outcome]:
        raise Unavailable("down") if len(batch) > 1 else AssertionError(batch)

    monkeypatch.setattr(crowd.slow, "append", record_once)
    answers = crowd.go_on()
    assert [type(answers[name]) for name in ("ada", "grace")] == [Unavailable, Unavailable]
    assert answers["ada"] is not answers["grace"]
    monkeypatch.setattr(crowd.slow, "append", recording)
    assert recorded(crowd.log, say("attic", "d")) == Appended(2, 2, 1)


def test_an_append_that_breaks_is_its_callers_alone(crowd: Crowd) -> None:
    good, bad = say("kitchen", "b"), say("garden", "c")
    naive = replace(
        bad, entries=(replace(bad.entries[0], occurred_at=bad.entries[0].occurred_at.replace(tzinfo=None)),)
    )
    crowd.come("ada", good)
    crowd.come("grace", naive)
    crowd.come("mary", say("attic", "d"))
    answers = crowd.go_on()
    assert isinstance(answers.pop("grace"), TypeError)
    assert answers == {"first": [Appended(1, 1, 1)], "ada": [Appended(2, 2, 1)], "mary": [Appended(3, 3, 1)]}


class Killed(BaseException):
    """As eventlet's GreenletExit: it strikes wherever its victim waits."""


def test_a_writer_who_is_killed_leaves_the_line_in_order(crowd: Crowd) -> None:
    crowd.come("ada", say("kitchen", "b"))
    crowd.come("grace", say("garden", "c"))
    crowd.slow.fail = Killed()
    answers = crowd.go_on()
    assert isinstance(answers["first"], Killed)
    assert isinstance(answers["ada"], list)
    assert isinstance(answers["grace"], list)
    assert recorded(crowd.log, say("attic", "d")) == Appended(3, 3, 1)


def test_green_threads_that_are_killed_leave_the_line_in_order() -> None:
    assert in_green("tests.contract.log.killing").split() == ["first", "ada", "mary", "late"]


def test_threads_share_batches(log: EventLog) -> None:
    slow = SlowLog()
    slow.let_go.set()
    grouped = GroupCommit(slow)
    threads = [
        threading.Thread(target=lambda room: [one(grouped, say(room, "a", after=i)) for i in range(50)], args=(f"{n}",))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slow.head().position == 800
    assert sum(slow.batches) == 800

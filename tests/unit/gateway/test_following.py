import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from services.gateway.following import Progress, Trouble, checkpoint, follow
from services.gateway.rebuild import verify
from shared.log import EventLog, Recorded
from shared.projection import Projection
from shared.refusals import Unavailable
from shared.vault import Vault
from tests.unit.gateway.history import Story, new_story, write

Views = tuple[Projection, ...]
Following = Callable[[Any, Progress], None]


def eventually(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.005)


@dataclass
class Interrupted:
    """A log that does not answer every second time."""

    log: EventLog
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, after: int, limit: int = 1000) -> list[Recorded]:
        with self.lock:
            self.asked += 1
            if self.asked % 2:
                raise Unavailable()
        return self.log.read(after, 5)

    def wait(self, after: int, timeout: float) -> bool:
        return self.log.wait(after, timeout)


@pytest.fixture
def following(database: Engine, views: Views) -> Iterator[Following]:
    """Starts followers; stops them after the test."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(log: Any, progress: Progress) -> None:
        threads.append(threading.Thread(target=follow, args=(log, database, views, stop, progress.advance)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_a_follower_folds_what_is_there_and_what_comes(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story, following: Following
) -> None:
    write(log, vault, story, story.people())
    progress = Progress()
    following(log, progress)
    last = write(log, vault, story, story.relationship_events())
    eventually(lambda: progress.position == last)
    assert checkpoint(database, views) == last
    assert verify(log, database, views).equal


def test_several_followers_of_a_log_that_fails_at_times_fold_each_event_once(
    log: EventLog, vault: Vault, database: Engine, views: Views, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.following.IDLE_SECONDS", 0.01)
    progresses = [Progress(), Progress()]
    for progress in progresses:
        following(Interrupted(log), progress)
    last = 0
    for story in (new_story(), new_story(), new_story()):
        last = write(log, vault, story, story.people() + story.relationship_events())
    eventually(lambda: all(progress.position == last for progress in progresses))
    report = verify(log, database, views)
    assert (report.equal, report.events, report.rows["relationships"]) == (True, last, 3)


@dataclass
class Flawed:
    """A projection that cannot take in the event at `at`, and would tell what is in it."""

    projection: Projection
    at: int

    def apply(self, connection: Connection, batch: Sequence[Recorded]) -> int:
        for recorded in batch:
            if recorded.position == self.at:
                raise ZeroDivisionError(recorded.data)
        return self.projection.apply(connection, batch)

    def checkpoint(self, connection: Connection) -> int:
        return self.projection.checkpoint(connection)


def test_before_an_event_that_a_view_cannot_take_in_all_views_stop_and_say_so(
    log: EventLog,
    vault: Vault,
    database: Engine,
    views: Views,
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("services.gateway.following.IDLE_SECONDS", 0.01)
    last = write(log, vault, story, story.people() + story.relationship_events())
    flawed: list[Any] = [Flawed(views[0], at=7), *views[1:]]
    trouble, stop = Trouble(), threading.Event()
    thread = threading.Thread(target=follow, args=(log, database, flawed, stop), kwargs={"trouble": trouble})
    thread.start()
    try:
        eventually(lambda: bool(caplog.records) and checkpoint(database, views) == 6)
        assert trouble.at == 7
        with database.connect() as connection:
            assert {view.checkpoint(connection) for view in views} == {6}
        [told] = [record for record in caplog.records if record.levelname == "ERROR"]
        facts = {"position": 7, "reason": "ZeroDivisionError", "type": log.read(6, 1)[0].type}
        assert facts.items() <= told.__dict__.items()
        assert log.read(6, 1)[0].data not in str(told.__dict__)
        flawed[0].at = 0
        eventually(lambda: trouble.at is None and checkpoint(database, views) == last)
    finally:
        stop.set()
        thread.join()
    assert verify(log, database, views).equal


def test_a_rebuild_compares_at_the_position_of_the_live_views(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    half = write(log, vault, story, story.people())
    with database.begin() as connection:
        for projection in views:
            projection.apply(connection, log.read(0))
    write(log, vault, story, story.relationship_events())
    report = verify(log, database, views)
    assert (report.equal, report.events) == (True, half)


def test_who_waits_is_told_when_the_position_is_reached() -> None:
    progress = Progress()

    async def waiting() -> Sequence[bool]:
        waits = [progress.wait(position, 5) for position in (1, 2, 3)]
        threading.Timer(0.05, partial(progress.advance, 3)).start()
        return await asyncio.gather(*waits)

    assert asyncio.run(waiting()) == [True, True, True]


def test_who_waits_too_long_is_told_so() -> None:
    progress = Progress()
    progress.advance(2)
    assert asyncio.run(progress.wait(2, 0)) is True
    assert asyncio.run(progress.wait(3, 0.01)) is False


def test_progress_goes_back_only_when_it_is_said_so() -> None:
    progress = Progress()
    progress.advance(2)
    progress.advance(1)
    assert progress.position == 2
    progress.restart(1)
    assert progress.position == 1
    progress.advance(2)
    assert progress.position == 2

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from services.gateway.following import Progress, checkpoint, follow
from services.gateway.rebuild import rebuild
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
    assert rebuild(log, database, views).equal


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
    report = rebuild(log, database, views)
    assert (report.equal, report.events, report.relationships) == (True, last, 3)


def test_a_rebuild_compares_at_the_position_of_the_live_views(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    half = write(log, vault, story, story.people())
    with database.begin() as connection:
        for projection in views:
            projection.apply(connection, log.read(0))
    write(log, vault, story, story.relationship_events())
    report = rebuild(log, database, views)
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


def test_progress_never_goes_back() -> None:
    progress = Progress()
    progress.advance(2)
    progress.advance(1)
    assert progress.position == 2

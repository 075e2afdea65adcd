"""The views on PostgreSQL: kept by one process, heard of in another, and equal to their rebuild meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from services.gateway import following
from services.gateway.following import Progress, follow, listen
from services.gateway.rebuild import verify
from services.gateway.views import projections
from shared import tailing
from shared.database import install_owner, open_database
from shared.folding import Folding
from shared.log import EventLog, install_log, open_log
from shared.masters import Masters
from shared.projection import Projection
from shared.refusals import Unavailable
from shared.tailing import Tail
from shared.vault import Vault, open_keys
from tests.unit.gateway.history import new_story, write


@dataclass(frozen=True)
class Keeping:
    """A log, and views that follow it: `progress` is that of a process which only listens."""

    url: str
    log: EventLog
    vault: Vault
    database: Engine
    views: tuple[Projection, ...]
    progress: Progress

    def tell(self) -> int:
        story = new_story()
        return write(self.log, self.vault, story, story.people() + story.relationship_events())

    def await_heard(self, position: int) -> float:
        """In how many seconds."""
        began = time.monotonic()
        while self.progress.position < position:
            assert time.monotonic() < began + 10
            time.sleep(0.001)
        return time.monotonic() - began


@pytest.fixture
def quiet(fresh_database: Callable[[], str], tmp_path: Path) -> Iterator[Keeping]:
    """Nobody keeps its views yet."""
    url = fresh_database()
    for owner in ("views", "vault"):
        install_owner(url, owner)
    install_log(url, readers=["views"])
    ring = Masters(tmp_path)
    ring.make_first()
    keys = open_keys(url)
    vault = Vault(keys, ring)
    vault.install()
    log, database, views = open_log(url), open_database(url, "views"), projections(vault)
    with database.begin() as connection:
        for projection in views:
            projection.install(connection)
    yield Keeping(url, log, vault, database, views, Progress())
    log.close()
    database.dispose()
    keys.dispose()


@pytest.fixture
def keeping(quiet: Keeping) -> Iterator[Keeping]:
    stop = threading.Event()
    loops = (
        partial(follow, quiet.log, quiet.database, quiet.views, stop),
        partial(listen, quiet.database, quiet.views, quiet.progress, stop),
    )
    threads = [threading.Thread(target=loop) for loop in loops]
    for thread in threads:
        thread.start()
    yield quiet
    stop.set()
    for thread in threads:
        thread.join()


def test_another_process_hears_at_once_how_far_the_views_are(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 5.0)
    keeping.await_heard(keeping.tell())
    last = keeping.tell()
    assert keeping.await_heard(last) < 2


def test_it_goes_on_when_its_connections_are_cut(keeping: Keeping) -> None:
    keeping.await_heard(keeping.tell())
    administrator = create_engine(keeping.url)
    with administrator.begin() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
    administrator.dispose()
    last = 0
    while not last:
        try:
            last = keeping.tell()
        except Unavailable:
            continue
    keeping.await_heard(last)


def test_views_equal_their_rebuild_while_they_go_on(keeping: Keeping) -> None:
    keeping.await_heard(keeping.tell())
    writer = threading.Thread(target=lambda: [keeping.tell() for _ in range(5)])
    writer.start()
    reports = [verify(keeping.log, keeping.database, keeping.views) for _ in range(3)]
    writer.join()
    keeping.await_heard(keeping.log.head().position)
    reports.append(verify(keeping.log, keeping.database, keeping.views))
    assert [report.differing for report in reports] == [()] * 4
    assert (reports[-1].events, reports[-1].rows["relationships"]) == (keeping.log.head().position, 6)


def test_a_tail_that_is_alone_folds_event_by_event_without_waiting_for_answers(
    quiet: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(quiet.views, "views")
    with monkeypatch.context() as at_once:
        at_once.setattr(Projection, "apply", None)
        for position in range(quiet.tell()):
            assert tail.advance(quiet.database, quiet.log.read(position, 1)) == position + 1
    assert verify(quiet.log, quiet.database, quiet.views).equal


def test_tails_that_overtake_each_other_forget_what_they_held(quiet: Keeping) -> None:
    tails = [Tail(quiet.views, "views") for _ in range(3)]
    last, position, turns = quiet.tell(), 0, cycle((0, 0, 1, 2, 2, 2, 0, 1))
    while position < last:
        tail, count = tails[next(turns)], next(turns) + 1
        position = tail.advance(quiet.database, quiet.log.read(position, count))
    assert tails[0].advance(quiet.database, quiet.log.read(position - 3, 3)) == last
    assert verify(quiet.log, quiet.database, quiet.views).equal


def test_tails_at_work_at_the_same_time_fold_each_event_once(quiet: Keeping) -> None:
    last = quiet.tell()

    def work() -> None:
        tail, position = Tail(quiet.views, "views"), 0
        while position < last:
            try:
                position = tail.advance(quiet.database, quiet.log.read(position, 1))
            except Unavailable:  # of two that wait for each other PostgreSQL ends one
                continue

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    report = verify(quiet.log, quiet.database, quiet.views)
    assert (report.equal, report.events) == (True, last)


def test_what_a_tail_could_not_write_it_does_not_hold(quiet: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    tail, last = Tail(quiet.views, "views"), quiet.tell()
    send, fails = Folding.send, cycle((False, True, False))

    def sometimes(folding: Folding, connection: Connection, holding: int) -> None:
        send(folding, connection, holding)
        if next(fails):
            raise ZeroDivisionError

    monkeypatch.setattr(Folding, "send", sometimes)
    position = 0
    while position < last:
        with suppress(ZeroDivisionError):
            position = tail.advance(quiet.database, quiet.log.read(position, 1))
    assert verify(quiet.log, quiet.database, quiet.views).equal


def test_a_tail_holds_no_more_rows_than_it_shall(quiet: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "HOLDING", 1)
    tail, last = Tail(quiet.views, "views"), 0
    for _ in range(4):
        position, last = last, quiet.tell()
        for before in range(position, last):
            tail.advance(quiet.database, quiet.log.read(before, 1))
    assert not any(folding.full(1) for folding in tail._foldings)
    assert verify(quiet.log, quiet.database, quiet.views).equal

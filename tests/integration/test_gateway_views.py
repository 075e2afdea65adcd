"""The views on PostgreSQL: kept by one process, heard of in another, and equal to their rebuild meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from services.gateway import following
from services.gateway.following import Progress, follow, listen
from services.gateway.rebuild import verify
from services.gateway.views import projections
from shared.database import install_owner, open_database
from shared.log import EventLog, install_log, open_log
from shared.masters import Masters
from shared.projection import Projection
from shared.refusals import Unavailable
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
def keeping(fresh_database: Callable[[], str], tmp_path: Path) -> Iterator[Keeping]:
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
    progress, stop = Progress(), threading.Event()
    loops = (partial(follow, log, database, views, stop), partial(listen, database, views, progress, stop))
    threads = [threading.Thread(target=loop) for loop in loops]
    for thread in threads:
        thread.start()
    yield Keeping(url, log, vault, database, views, progress)
    stop.set()
    for thread in threads:
        thread.join()
    log.close()
    database.dispose()
    keys.dispose()


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

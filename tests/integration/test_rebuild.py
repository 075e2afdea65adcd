"""Tables change places while they are read, followed and written about: nobody fails, and nothing is missed."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, text

from services.gateway.following import Progress, follow
from services.gateway.rebuild import back, rebuild, verify
from services.gateway.views import goals, messages, projections, relationships
from services.goals.events import GoalReached, GoalSet
from shared.database import install_owner, log_url, open_database, reading
from shared.dividing import ShareFailed
from shared.keys import make_keys
from shared.log import EventLog, install_log, open_log
from shared.masters import Masters
from shared.projection import Projection
from shared.rebuilding import RebuildRunning
from shared.tailing import Tail
from shared.vault import Vault
from tests.unit.gateway.history import Story, new_story, write
from tests.waiting import eventually

READERS = 4


@dataclass
class Platform:
    """Somebody writes, somebody follows, and others read, each over connections of their own."""

    url: str
    log: EventLog
    vault: Vault
    database: Engine
    views: tuple[Projection, ...]
    first: Story = field(default_factory=new_story)
    progress: Progress = field(default_factory=Progress)
    stop: threading.Event = field(default_factory=threading.Event)
    failures: list[Exception] = field(default_factory=list)
    reads: int = 0

    def tell(self, story: Story) -> int:
        return write(self.log, self.vault, story, story.people() + story.relationship_events())

    def has_read_since(self, before: int) -> bool:
        return self.reads > before

    def loops(self) -> list[Callable[[], None]]:
        following = partial(follow, self.log, self.database, self.views, self.stop, self.progress.advance)
        return [following, self._write, *[self._read] * READERS]

    def _write(self) -> None:
        while not self.stop.wait(0.05):
            self.tell(new_story())

    def _read(self) -> None:
        database = open_database(self.url, "views")
        known = 0
        while not self.stop.is_set():
            try:
                with reading(database) as connection:
                    found = relationships.relationship(connection, self.first.relationship)
                    ids = connection.scalars(select(relationships.table.c.relationship_id)).all()
                    said = messages.messages_of(connection, self.first.relationship, 0, 10)
                    [goal] = goals.goals_of(connection, self.first.relationship)
                assert found and found.mentee_external_id == "ada"
                assert (len(said), goal.status) == (2, "reached")
                assert len(ids) >= known, "a relationship vanished"
                known = len(ids)
                self.reads += 1
            except Exception as error:  # noqa: BLE001 - the test shows them
                self.failures.append(error)
        database.dispose()


@pytest.fixture(params=["postgresql", "sqlite"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    url = f"sqlite:///{tmp_path}"
    if request.param == "postgresql":
        url = request.getfixturevalue("fresh_database")()
        for owner in ("goals", "views", "vault"):
            install_owner(url, owner)
    install_log(url, ["goals"], ["views"])
    keys, database = open_database(url, "vault"), open_database(url, "views")
    make_keys(tmp_path / "secrets")
    vault = Vault(keys, Masters(tmp_path / "secrets"))
    vault.install()
    platform = Platform(url, open_log(log_url(url, "goals")), vault, database, projections(vault))
    with database.begin() as connection:
        for projection in platform.views:
            projection.install(connection)
    platform.tell(platform.first)
    with database.begin() as connection:
        for projection in platform.views:
            projection.apply(connection, platform.log.read(0))
    yield platform
    platform.log.close()
    database.dispose()
    keys.dispose()


@pytest.fixture
def busy(platform: Platform) -> Iterator[Platform]:
    threads = [threading.Thread(target=loop) for loop in platform.loops()]
    for thread in threads:
        thread.start()
    yield platform
    platform.stop.set()
    for thread in threads:
        thread.join()
    assert platform.failures == []


def test_no_read_fails_and_nothing_is_missed_while_tables_change_places(busy: Platform) -> None:
    what = busy.log, busy.database, busy.views
    for _ in range(3):
        before = busy.reads
        assert rebuild(*what).switched
        back(*what)
        eventually(partial(busy.has_read_since, before))
    eventually(lambda: busy.progress.position >= busy.log.head().position - 50)
    report = verify(*what)
    assert report.differences == ()
    assert busy.failures == []


def test_a_reader_who_takes_long_is_waited_for_and_holds_up_nobody(busy: Platform) -> None:
    """The others get their turn between the attempts to switch."""
    slow = open_database(busy.url, "views")
    with slow.connect() as connection:
        connection.execute(select(goals.table)).all()
        switching = threading.Thread(target=rebuild, args=(busy.log, busy.database, busy.views))
        switching.start()
        time.sleep(1.5)
        before = busy.reads
        eventually(partial(busy.has_read_since, before))
        connection.execute(select(messages.table)).all()
    switching.join()
    slow.dispose()
    assert verify(busy.log, busy.database, busy.views).equal


@pytest.mark.parametrize("platform", ["postgresql"], indirect=True)
def test_a_killed_rebuild_lets_the_next_one_begin(platform: Platform) -> None:
    what = platform.log, platform.database, platform.views

    def killed(done: int, of: int) -> None:
        with pytest.raises(RebuildRunning):
            verify(*what)
        administrator: Any = create_engine(platform.url)
        with administrator.begin() as connection:
            others = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS others"))
        administrator.dispose()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(*what, watch=killed)
    assert rebuild(*what).switched


@pytest.fixture
def divided_by_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.rebuilding.WORTH_DIVIDING", 1)
    monkeypatch.setattr("shared.rebuilding.processes", lambda: 3)
    monkeypatch.setattr("shared.rebuilding.HELD", 4)
    monkeypatch.setattr("shared.rebuilding.BATCH", 20)


@pytest.mark.parametrize("platform", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("divided_by_three")
def test_divided_it_is_the_same(platform: Platform) -> None:
    for _ in range(9):
        platform.tell(new_story())
    head = platform.log.head().position
    with platform.database.begin() as connection:
        for projection in platform.views:
            projection.apply(connection, platform.log.read(projection.checkpoint(connection)))
    seen: list[int] = []
    report = rebuild(platform.log, platform.database, platform.views, watch=lambda done, of: seen.append(done))
    assert (report.differences, report.switched, report.rows["relationships"]) == ((), True, 10)
    assert seen == sorted(seen) and len(seen) > 9 and seen[-1] == 2 * head
    assert verify(platform.log, platform.database, platform.views).equal


@pytest.mark.parametrize("platform", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("divided_by_three")
def test_what_one_process_cannot_fold_ends_the_rebuild(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(self: Projection, recorded: object) -> None:
        raise ValueError("cannot be folded")

    monkeypatch.setattr(Projection, "decode", decode)
    with pytest.raises(ShareFailed, match="cannot be folded"):
        rebuild(platform.log, platform.database, platform.views)
    monkeypatch.undo()
    assert verify(platform.log, platform.database, platform.views).equal


@pytest.mark.parametrize("platform", ["postgresql"], indirect=True)
def test_who_follows_does_not_go_on_with_rows_of_the_older_tables(platform: Platform) -> None:
    """It holds a damaged row when the table is repaired, and something more happens to it."""
    story, tail = new_story(), Tail(platform.views, "views")
    events = story.people() + story.relationship_events()
    first = next(number for number, (_, event) in enumerate(events) if isinstance(event, GoalSet))
    second = next(number for number, (_, event) in enumerate(events) if isinstance(event, GoalReached))
    head = platform.log.head().position
    write(platform.log, platform.vault, story, events)
    for one in platform.log.read(head, first):
        tail.advance(platform.database, [one])
    [goal] = platform.log.read(head + first, 1)
    with platform.database.begin() as connection:
        for projection in platform.views:
            projection.apply(connection, [goal])
        connection.execute(text("UPDATE goals SET target = 77"))
    for one in platform.log.read(head + first + 1, second - first - 1):
        tail.advance(platform.database, [one])
    assert rebuild(platform.log, platform.database, platform.views, changed=True).switched
    tail.advance(platform.database, platform.log.read(head + second, 1))
    assert verify(platform.log, platform.database, platform.views).differences == ()

"""The tree and its heads on both databases: growing by steps, several at work, and nothing signed that does not fit."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from shared import proofs
from shared.database import install_owner, open_database
from shared.log.memory import MemoryLog
from shared.log.merkle import is_consistent, leaf, root, root_of_inclusion
from shared.proofs import HistoryChanged, Notary, Proofs
from tests.contract.log.saying import recorded, say
from tests.waiting import eventually


@dataclass
class Desk:
    """A notary's, and the log that it looks at."""

    url: str
    log: MemoryLog
    database: Engine
    key: Ed25519PrivateKey

    @property
    def notary(self) -> Notary:
        return Notary(self.database, self.key)

    def grow(self, count: int) -> None:
        before = self.log.head().position
        recorded(self.log, say("kitchen", *map(str, range(count)), after=before))

    def root(self, size: int) -> bytes:
        return root([leaf(event.hash) for event in self.log.read(0, size)])


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}"
    if request.param == "postgresql":
        fresh_database: Callable[[], str] = request.getfixturevalue("fresh_database")
        url = fresh_database()
        install_owner(url, "proof")
    database = open_database(url, "proof")
    desk = Desk(url, MemoryLog(), database, Ed25519PrivateKey.generate())
    desk.notary.install()
    yield desk
    database.dispose()


def test_each_head_is_over_the_whole_log_and_all_are_of_one_history(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "BATCH", 100)
    assert desk.notary.sign(desk.log) is None
    for count in (1, 254, 1, 1, 700, 3):
        desk.grow(count)
        head = desk.notary.sign(desk.log)
        assert head and head.size == desk.log.head().position and head.root == desk.root(head.size)
        assert head.is_signed_by(desk.key.public_key())
        assert desk.notary.sign(desk.log) == head
    kept = Proofs(desk.database).heads()
    assert [head.size for head in kept] == [1, 255, 256, 257, 957, 960]
    events = desk.log.read(0, 960)
    for head in kept:
        for position in {1, head.size, head.size // 2 + 1}:
            path = desk.notary.inclusion(position, head.size)
            assert root_of_inclusion(events[position - 1].hash, position - 1, head.size, path) == head.root
        steps = desk.notary.consistency(head.size, 960)
        assert is_consistent(head.size, head.root, 960, kept[-1].root, steps)


def test_several_notaries_take_turns(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "BATCH", 50)
    monkeypatch.setattr(proofs, "HEAD_SECONDS", 0.0)
    stop = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        works = [pool.submit(partial(desk.notary.keep, desk.log, stop)) for _ in range(3)]
        for _ in range(20):
            desk.grow(37)
        eventually(lambda: [head.size for head in desk.notary.heads()][-1:] == [740])
        stop.set()
        for work in works:
            work.result()
    for head in desk.notary.heads():
        assert head.root == desk.root(head.size)


def test_a_head_comes_by_itself_but_not_all_the_time(desk: Desk) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(desk.notary.keep, desk.log, stop)
        desk.grow(3)
        eventually(lambda: desk.notary.size() == 3, 10)
        desk.grow(3)
        stop.set()
        work.result()
    assert [head.size for head in desk.notary.heads()] == [3]


def test_nothing_is_signed_over_a_log_that_lost_events(desk: Desk) -> None:
    desk.grow(5)
    desk.notary.sign(desk.log)
    lost = desk.log._events.pop()
    with pytest.raises(HistoryChanged, match="ends at 4, but had 5"):
        desk.notary.sign(desk.log)
    desk.log._events.append(lost)
    desk.grow(3)
    del desk.log._events[5]
    with pytest.raises(HistoryChanged, match="no event at 6"):
        desk.notary.sign(desk.log)
    assert [head.size for head in desk.notary.heads()] == [5]

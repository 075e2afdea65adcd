"""The benchmarks' log is one that the platform could have written."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bench.full import FullLog, full_log
from bench.place import Place
from deploy.servers import Servers
from services.gateway.catalogue import CATALOGUE
from services.gateway.rebuild import rebuild
from services.gateway.summary import fold
from shared.log import Appended
from shared.log.hashing import Intact, verify
from tests.contract.log.saying import say

EVENTS = 3_000


@pytest.fixture
def full(servers: Servers) -> Iterator[FullLog]:
    with ExitStack() as stack:
        yield full_log(Place(servers, stack, stack), EVENTS)


def test_its_chain_holds_and_the_log_goes_on_from_it(full: FullLog) -> None:
    full.grow(EVENTS, seed=2)
    [outcome] = full.log.append([say("kitchen", "Hello")])
    assert isinstance(outcome, Appended) and outcome.first == 2 * EVENTS + 1
    assert verify(full.log) == Intact(full.log.head())


def test_its_events_are_read_and_its_relationships_fold(full: FullLog) -> None:
    assert all(CATALOGUE.decode(one) for one in full.log.read(0, EVENTS))
    folded = [fold(full.log.of_subject(one)) for one in full.relationships()]
    assert folded and all(folded)


def test_a_rebuild_fills_the_empty_views(full: FullLog) -> None:
    report = rebuild(full.log, full.database, full.views, changed=True)
    assert report.differing and report.switched
    assert report.rows["relationships"] >= len(full.relationships()) > 0

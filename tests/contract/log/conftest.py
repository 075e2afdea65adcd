from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.log import EventLog
from tests.contract.log.stores import ALL, Store, in_memory, in_postgres, in_sqlite


def _store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    match kind:
        case "memory":
            return in_memory()
        case "sqlite":
            return in_sqlite(tmp_path)
        case _:
            fresh_database: Callable[[], str] = request.getfixturevalue("fresh_database")
            return in_postgres(fresh_database())


@pytest.fixture(params=ALL)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["plain", "grouped"])
def grouped(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def store(kind: str, grouped: bool, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    for store in _store(kind, request, tmp_path):
        store.grouped = grouped
        yield store
        store.close()


@pytest.fixture
def log(store: Store) -> EventLog:
    return store.open()

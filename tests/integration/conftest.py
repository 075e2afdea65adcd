from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.stage import Stage, staged


@pytest.fixture
def stage(fresh_database: Callable[[], str], fresh_broker: Callable[[], str], tmp_path: Path) -> Iterator[Stage]:
    with staged(fresh_database(), fresh_broker(), tmp_path) as stage:
        yield stage

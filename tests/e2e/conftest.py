"""The platform as people run it: in one process, and every process of its own on real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.fleet import Embedded, Fleet, free_ports
from deploy.fresh import fresh_environment
from deploy.servers import Servers


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    with Embedded(tmp_path / "platform", free_ports()) as platform:
        yield platform


@pytest.fixture
def fleet(servers: Servers, tmp_path: Path) -> Iterator[Fleet]:
    with fresh_environment(servers) as environment, Fleet(environment, tmp_path / "platform", free_ports()) as fleet:
        yield fleet

from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.gateway.views import projections
from shared.database import open_database
from shared.log import EventLog, open_log
from shared.masters import Masters
from shared.projection import Projection
from shared.vault import Vault, open_keys
from tests.unit.gateway.history import Story, new_story


@pytest.fixture
def log() -> EventLog:
    return open_log("memory:")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    ring = Masters(tmp_path)
    ring.make_first()
    vault = Vault(open_keys(f"sqlite:///{tmp_path}"), ring)
    vault.install()
    return vault


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return open_database(f"sqlite:///{tmp_path}", "views")


@pytest.fixture
def views(database: Engine, vault: Vault) -> tuple[Projection, ...]:
    views = projections(vault)
    with database.begin() as connection:
        for projection in views:
            projection.install(connection)
    return views


@pytest.fixture
def story() -> Story:
    return new_story()

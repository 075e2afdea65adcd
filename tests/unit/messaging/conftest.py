from pathlib import Path

import pytest

from services.messaging.service import assemble
from shared.keys import make_keys
from shared.parts import Parts
from shared.settings import Settings
from tests.hosted import Hosted


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    make_keys(tmp_path / "secrets")
    return Parts(Settings(database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets"), "messaging")


@pytest.fixture
def hosted(parts: Parts) -> Hosted:
    return Hosted(assemble(parts), parts)

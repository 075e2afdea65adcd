from pathlib import Path

import pytest

from services.goals.service import assemble
from shared.keys import make_keys
from shared.parts import Parts
from shared.settings import Settings
from tests.hosted import Hosted


@pytest.fixture
def hosted(tmp_path: Path) -> Hosted:
    make_keys(tmp_path / "secrets")
    parts = Parts(Settings(database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets"), "goals")
    return Hosted(assemble(parts), parts)

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.identity.commands import AppointCoordinator, CreateProgram
from services.identity.service import assemble
from shared import clock
from shared.keys import make_keys
from shared.parts import Parts
from shared.settings import Settings
from tests.hosted import Hosted
from tests.unit.identity.people import COORDINATOR, EMAIL, PASSWORD


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    make_keys(tmp_path / "secrets")
    return Parts(Settings(database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets"), "identity")


@pytest.fixture
def hosted(parts: Parts) -> Hosted:
    """Identity with its first coordinator."""
    hosted = Hosted(assemble(parts), parts)
    hosted.send(
        AppointCoordinator(person_id=COORDINATOR, email=EMAIL, password=PASSWORD, at=clock.now()), "system:install"
    )
    return hosted


@pytest.fixture
def program(hosted: Hosted) -> UUID:
    program_id = uuid4()
    hosted.send(CreateProgram(program_id=program_id, name="Women in Computing", at=clock.now()), COORDINATOR)
    return program_id

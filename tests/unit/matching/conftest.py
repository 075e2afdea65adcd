from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest

from services.identity.events import EnrolmentRevised, PersonEnrolled
from services.matching.service import assemble
from shared.ids import derived_id
from shared.keys import make_keys
from shared.messages import Event
from shared.parts import Parts
from shared.settings import Settings
from tests.hosted import Hosted
from tests.unit.matching.people import ADA, BARBARA, GRACE, MARY, PROGRAM

Role = Literal["mentor", "mentee"]

ROSTER: dict[UUID, tuple[Role, int]] = {
    ADA: ("mentee", 0),
    MARY: ("mentee", 0),
    GRACE: ("mentor", 1),
    BARBARA: ("mentor", 1),
}


@pytest.fixture
def matching(tmp_path: Path) -> Hosted:
    """The service, having heard of Ada, Mary, Grace and Barbara; the mentors have one place each."""
    make_keys(tmp_path / "secrets")
    parts = Parts(Settings(database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets"), "matching")
    hosted = Hosted(assemble(parts), parts)
    for person, (role, capacity) in ROSTER.items():
        hosted.told(enrolled(PersonEnrolled, person, role, capacity), program=PROGRAM)
    return hosted


def enrolled(kind: type[PersonEnrolled | EnrolmentRevised], person: UUID, role: Role, capacity: int) -> Event:
    """As identity writes it."""
    return kind(
        enrolment_id=derived_id(PROGRAM, person),
        program_id=PROGRAM,
        person_id=person,
        external_id=str(person),
        role=role,
        headline="",
        country="",
        timezone="UTC",
        languages=("en",),
        skills=(),
        wants=(),
        capacity=capacity,
    )

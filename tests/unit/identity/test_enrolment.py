from typing import Any
from uuid import uuid4

import pytest

from services.identity.aggregates import ENROLMENT
from services.identity.commands import EnrolPerson
from services.identity.domain.enrolment import EnrolmentIdsWrong, Registrar, enrolment_id_of, person_id_of
from services.identity.domain.program import Created, ProgramUnknown
from services.identity.events import EnrolmentRevised, PersonEnrolled
from shared import clock
from shared.service import Asker
from tests.scenario import Scenario

GRACE, PROGRAM_ID = uuid4(), uuid4()
ADA = person_id_of(PROGRAM_ID, "m-1")

not_enrolled = Scenario(ENROLMENT).knowing(Registrar(Asker(str(GRACE)), Created(GRACE)))


def enrol(**changes: Any) -> EnrolPerson:
    row = {
        "enrolment_id": enrolment_id_of(PROGRAM_ID, ADA),
        "program_id": PROGRAM_ID,
        "person_id": ADA,
        "external_id": "m-1",
        "role": "mentor",
        "headline": "Engineer",
        "country": "GB",
        "timezone": "Europe/London",
        "languages": ("en",),
        "skills": ("js",),
        "capacity": 2,
        "at": clock.now(),
    }
    return EnrolPerson(**{**row, **changes})


def row(command: EnrolPerson) -> dict[str, Any]:
    return command.model_dump(exclude={"at"})


def test_a_new_row_enrols_the_same_row_changes_nothing_another_revises() -> None:
    enrolled = not_enrolled.when(enrol()).then(PersonEnrolled(**row(enrol())))
    revised = enrol(skills=("js", "css"), capacity=3)
    enrolled.when(enrol()).then()
    enrolled.when(revised).then(EnrolmentRevised(**row(revised))).when(revised).then()


@pytest.mark.parametrize(
    "change",
    [
        {"headline": "Countess"},
        {"country": "FR"},
        {"timezone": "UTC"},
        {"languages": ("en", "fr")},
        {"wants": ("maths",)},
        {"role": "mentee", "capacity": 0},
    ],
)
def test_every_column_counts(change: dict[str, Any]) -> None:
    enrolled = not_enrolled.given(PersonEnrolled(**row(enrol())))
    enrolled.when(enrol(**change)).then(EnrolmentRevised(**row(enrol(**change))))


def test_only_the_programmes_coordinator_enrols() -> None:
    not_enrolled.knowing(Registrar(Asker(str(ADA)), Created(GRACE))).when(enrol()).refuses(ProgramUnknown)


@pytest.mark.parametrize("wrong", [{"person_id": uuid4()}, {"enrolment_id": uuid4()}, {"external_id": "m-2"}])
def test_a_coordinator_cannot_enrol_somebody_elses_person(wrong: dict[str, Any]) -> None:
    not_enrolled.when(enrol(**wrong)).refuses(EnrolmentIdsWrong)

from uuid import UUID, uuid4

import pytest

from services.identity.aggregates import PROGRAM
from services.identity.commands import CreateProgram, ImportRoster
from services.identity.domain.program import (
    Founder,
    OnlyCoordinators,
    ProgramExists,
    ProgramUnknown,
    Report,
)
from services.identity.events import ProgramCreated, RejectedRow, RosterImported
from shared import clock
from shared.service import Asker
from tests.scenario import Scenario

ADA, GRACE = uuid4(), uuid4()
PROGRAM_ID, IMPORT_ID = uuid4(), uuid4()
CREATED = ProgramCreated(program_id=PROGRAM_ID, name="Analytical engines", coordinator_id=ADA)
BAD = RejectedRow(line=7, external_id="m-7", reason="role: unheard of")

create = CreateProgram(program_id=PROGRAM_ID, name="Analytical engines", at=clock.now())
do_import = ImportRoster(program_id=PROGRAM_ID, import_id=IMPORT_ID, csv="", at=clock.now())
nothing = Scenario(PROGRAM)
created = nothing.given(CREATED)


def report(added: int = 0, changed: int = 0, rejected: tuple[RejectedRow, ...] = (), by: UUID = ADA) -> Report:
    return Report(Asker(str(by)), added, changed, 3, rejected)


def imported(added: int = 0, changed: int = 0, rejected: tuple[RejectedRow, ...] = ()) -> RosterImported:
    return RosterImported(
        program_id=PROGRAM_ID, import_id=IMPORT_ID, added=added, changed=changed, unchanged=3, rejected=rejected
    )


def test_a_coordinator_creates_a_programme_and_coordinates_it() -> None:
    nothing.knowing(Founder(Asker(str(ADA)), is_coordinator=True)).when(create).then(CREATED)


@pytest.mark.parametrize("asker", [Asker(str(ADA)), Asker()])
def test_nobody_else_creates_one(asker: Asker) -> None:
    nothing.knowing(Founder(asker, is_coordinator=False)).when(create).refuses(OnlyCoordinators)


def test_a_programme_is_created_once() -> None:
    created.knowing(Founder(Asker(str(ADA)), is_coordinator=True)).when(create).refuses(ProgramExists)


def test_an_import_that_added_or_changed_somebody_is_history() -> None:
    created.knowing(report(added=2)).when(do_import).then(imported(added=2))
    created.knowing(report(changed=1)).when(do_import).then(imported(changed=1))


def test_an_import_that_changed_nothing_is_not() -> None:
    created.knowing(report()).when(do_import).then()


def test_bad_rows_are_history_the_first_time() -> None:
    after = created.knowing(report(rejected=(BAD,))).when(do_import).then(imported(rejected=(BAD,)))
    after.when(do_import).then()
    later = BAD.model_copy(update={"line": 9})
    after.knowing(report(rejected=(BAD, later))).when(do_import).then(imported(rejected=(BAD, later)))


def test_bad_rows_stay_known_across_files() -> None:
    after = created.given(imported(rejected=(BAD,)), imported(added=1))
    after.knowing(report(rejected=(BAD,))).when(do_import).then()


def test_another_coordinators_programme_does_not_exist() -> None:
    created.knowing(report(added=1, by=GRACE)).when(do_import).refuses(ProgramUnknown)
    nothing.knowing(report(added=1)).when(do_import).refuses(ProgramUnknown)

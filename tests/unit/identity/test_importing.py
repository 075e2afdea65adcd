from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.identity.aggregates import ENROLMENT
from services.identity.commands import RegisterPerson
from services.identity.domain.enrolment import Enrolled, enrolment_id_of, person_id_of
from services.identity.domain.person import PlatformOnly
from services.identity.domain.program import ProgramUnknown
from services.identity.events import EnrolmentRevised, PersonEnrolled
from services.identity.roster import ColumnsMissing, read
from shared import clock
from shared.ids import NIL, new_id
from shared.refusals import CommandReused
from shared.service import Done
from tests.hosted import Hosted
from tests.unit.identity.people import COORDINATOR, HEADER, import_roster, power_cut

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "roster"
MENTORS, MENTEES = ((EXAMPLES / name).read_text() for name in ("mentors.csv", "mentees.csv"))
ADA = "m-1,mentor,Engineer,GB,Europe/London,en,js,,2"
GRACE = "m-2,mentor,Admiral,US,America/New_York,en,cobol,,1"
BAD = "m-3,guru,,GB,UTC,en,,,"


def report(added: int = 0, changed: int = 0, unchanged: int = 0, *rejected: dict[str, Any]) -> dict[str, Any]:
    return {"added": added, "changed": changed, "unchanged": unchanged, "rejected": list(rejected)}


def kinds(hosted: Hosted, after: int = 0) -> Counter[str]:
    return Counter(one.type.removeprefix("identity.") for one in hosted.log.read(after, 10_000))


def head(hosted: Hosted) -> int:
    return hosted.log.head().position


def row_of(hosted: Hosted, program: UUID, external_id: str) -> PersonEnrolled | EnrolmentRevised:
    enrolment = hosted.runtime.reader.state(ENROLMENT, enrolment_id_of(program, person_id_of(program, external_id)))
    assert isinstance(enrolment, Enrolled)
    return enrolment.row


def test_the_whole_sample_roster_goes_in_once(hosted: Hosted, program: UUID) -> None:
    before = head(hosted)
    assert import_roster(hosted, program, text=MENTORS).result == report(added=285)
    assert import_roster(hosted, program, text=MENTEES).result == report(added=420)
    assert kinds(hosted, before) == {"person_registered": 705, "person_enrolled": 705, "roster_imported": 2}
    before = head(hosted)
    for text, count in ((MENTORS, 285), (MENTEES, 420)):
        done = import_roster(hosted, program, text=text)
        assert done.result == report(unchanged=count)
        assert done.position == 0
    assert head(hosted) == before
    assert row_of(hosted, program, "mentor-003").skills == ("dotnet", "c#", "xamarin.forms", "uwp", "git")


def test_people_belong_to_no_programme_and_their_enrolments_to_theirs(hosted: Hosted, program: UUID) -> None:
    import_roster(hosted, program, ADA)
    programs = {one.type: (one.program, one.actor) for one in hosted.log.read(0)}
    assert programs["identity.program_created"] == (program, str(COORDINATOR))
    assert programs["identity.person_registered"] == (NIL, "system:import_roster")
    assert programs["identity.person_enrolled"] == (program, str(COORDINATOR))
    assert programs["identity.roster_imported"] == (program, str(COORDINATOR))


def test_nothing_that_a_row_says_of_a_person_is_in_the_log_in_clear(hosted: Hosted, program: UUID) -> None:
    import_roster(hosted, program, ADA, "m-9,mentor,Engineer,Atlantis,Europe/London,en,js,,2")
    text = "".join(one.data for one in hosted.log.read(0))
    assert not any(word in text for word in ("Engineer", "London", "Atlantis", '"js"', '"GB"'))


def test_a_row_that_differs_revises_the_enrolment(hosted: Hosted, program: UUID) -> None:
    import_roster(hosted, program, ADA, GRACE)
    before = head(hosted)
    assert import_roster(hosted, program, ADA, GRACE.replace("cobol", "cobol;flow-matic")).result == report(0, 1, 1)
    assert kinds(hosted, before) == {"enrolment_revised": 1, "roster_imported": 1}
    assert row_of(hosted, program, "m-2").skills == ("cobol", "flow-matic")


def test_a_bad_row_is_reported_each_time_and_recorded_once(hosted: Hosted, program: UUID) -> None:
    bad = {"line": 3, "external_id": "m-3", "reason": "role: Input should be 'mentor' or 'mentee'"}
    assert import_roster(hosted, program, ADA, BAD, GRACE).result == report(2, 0, 0, bad)
    before = head(hosted)
    assert import_roster(hosted, program, ADA, BAD, GRACE).result == report(0, 0, 2, bad)
    assert head(hosted) == before
    worse = import_roster(hosted, program, ADA, BAD, GRACE, BAD.replace("m-3", "m-4"))
    assert [row["line"] for row in worse.result["rejected"]] == [3, 5]
    assert kinds(hosted, before) == {"roster_imported": 1}


def test_a_repeated_import_answers_as_the_first_time(hosted: Hosted, program: UUID) -> None:
    command_id = new_id()
    first = import_roster(hosted, program, ADA, BAD, command_id=command_id)
    import_roster(hosted, program, ADA.replace("Engineer", "Countess"))
    before = head(hosted)
    again = import_roster(hosted, program, ADA, BAD, command_id=command_id)
    assert again == Done(first.position, first.version, True, first.result)
    assert head(hosted) == before
    with pytest.raises(CommandReused):
        import_roster(hosted, program, GRACE, command_id=command_id)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("after", range(5))
def test_an_import_that_was_cut_off_is_completed_by_the_same_command(
    hosted: Hosted, program: UUID, after: int, written: bool
) -> None:
    import_roster(hosted, program, text="\n".join(MENTORS.splitlines()[:11]))
    changed = MENTORS.replace("mentor-002,mentor,Product Engineer", "mentor-002,mentor,Admiral")
    command_id, before = new_id(), head(hosted)
    with power_cut(hosted, after=after, written=written):
        import_roster(hosted, program, text=changed, command_id=command_id)
    assert import_roster(hosted, program, text=changed, command_id=command_id).result == report(275, 1, 9)
    assert kinds(hosted, before) == {
        "person_registered": 275,
        "person_enrolled": 275,
        "enrolment_revised": 1,
        "roster_imported": 1,
    }


def test_only_the_programmes_coordinator_imports(hosted: Hosted, program: UUID) -> None:
    for stranger in (uuid4(), "anonymous", "system:import_roster"):
        with pytest.raises(ProgramUnknown):
            import_roster(hosted, program, ADA, by=stranger)
    with pytest.raises(ProgramUnknown):
        import_roster(hosted, uuid4(), ADA)


def test_a_file_that_is_no_roster_changes_nothing(hosted: Hosted, program: UUID) -> None:
    before = head(hosted)
    with pytest.raises(ColumnsMissing):
        import_roster(hosted, program, text="name,mail\nAda,ada@example.org")
    assert head(hosted) == before


def test_two_programmes_know_the_same_external_id_as_two_people(hosted: Hosted, program: UUID) -> None:
    assert person_id_of(program, "m-1") != person_id_of(uuid4(), "m-1")


def test_one_person_can_be_enrolled_by_the_coordinator_and_by_nobody_else(hosted: Hosted, program: UUID) -> None:
    [row] = read(f"{HEADER}\n{ADA}", program, clock.now()).rows
    with pytest.raises(ProgramUnknown):
        hosted.send(row, uuid4())
    elsewhere = uuid4()
    hosted.send(row, COORDINATOR, program=elsewhere)
    assert hosted.log.read(head(hosted) - 1)[0].program == program
    with pytest.raises(PlatformOnly):
        hosted.send(RegisterPerson(person_id=uuid4(), at=clock.now()), COORDINATOR)

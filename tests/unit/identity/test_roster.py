from uuid import uuid4

import pytest

from services.identity.roster import ColumnsMissing, Roster, RosterUnreadable, TooManyBadRows, read
from shared import clock

PROGRAM_ID = uuid4()
HEADER = "external_id,role,headline,country,timezone,languages,skills,wants,capacity"
GOOD = "m-1,mentor,Engineer,GB,Europe/London,en;fr,js;css,,2"


def roster(*lines: str) -> Roster:
    return read("\n".join([HEADER, *lines]), PROGRAM_ID, clock.now())


def reasons(*lines: str) -> list[str]:
    return [row.reason for row in roster(*lines).rejected]


def test_a_row_becomes_a_wish_to_enrol() -> None:
    [row] = roster(GOOD).rows
    assert (row.external_id, row.role, row.headline, row.country) == ("m-1", "mentor", "Engineer", "GB")
    assert (row.timezone, row.languages, row.skills, row.wants) == ("Europe/London", ("en", "fr"), ("js", "css"), ())
    assert row.capacity == 2


def test_ids_follow_from_programme_and_external_id() -> None:
    [one], [same] = roster(GOOD).rows, roster(GOOD.replace("Engineer", "Admiral")).rows
    [other] = read(f"{HEADER}\n{GOOD}", uuid4(), clock.now()).rows
    assert (one.person_id, one.enrolment_id) == (same.person_id, same.enrolment_id)
    assert one.person_id != other.person_id


def test_a_byte_order_mark_windows_lines_spaces_and_other_columns_do_no_harm() -> None:
    text = "\ufeffExternal_ID,shoe size, role ,headline,country,timezone,languages,capacity\r\n"
    file = read(text + "m-1,37, mentor ,Engineer,gb,UTC, en ; EN ;en;,1\r\n\r\n", PROGRAM_ID, clock.now())
    assert file.rejected == ()
    assert (file.rows[0].country, file.rows[0].languages) == ("GB", ("en",))


def test_a_quoted_cell_may_hold_commas_and_quotes() -> None:
    [row] = roster('m-1,mentor,"Engineer, ""the"" one",GB,UTC,en,"mean stack, pwa;js",,1').rows
    assert row.headline == 'Engineer, "the" one'
    assert row.skills == ("mean stack, pwa", "js")


def test_missing_columns_are_named() -> None:
    with pytest.raises(ColumnsMissing) as refused:
        read("external_id,role,headline,languages\n", PROGRAM_ID, clock.now())
    assert refused.value.facts == {"missing": ["country", "timezone"]}
    with pytest.raises(ColumnsMissing):
        read("", PROGRAM_ID, clock.now())


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (",mentor,,GB,UTC,en,js,,1", "external_id"),
        ("m-1,guru,,GB,UTC,en,js,,1", "role"),
        ("m-1,mentor,,GBR,UTC,en,js,,1", "country"),
        ("m-1,mentor,,,UTC,en,js,,1", "country"),
        ("m-1,mentor,,GB,Mars/Base,en,js,,1", "timezone"),
        ("m-1,mentor,,GB,Europe,en,js,,1", "timezone"),
        ("m-1,mentor,,GB,../../etc/passwd,en,js,,1", "timezone"),
        ("m-1,mentor,,GB,UTC,english,js,,1", "languages"),
        ("m-1,mentor,,GB,UTC,en,js,,0", "a mentor's capacity"),
        ("m-1,mentor,,GB,UTC,en,js,,", "a mentor's capacity"),
        ("m-1,mentor,,GB,UTC,en,js,,1.5", "capacity"),
        ("m-1,mentor,,GB,UTC,en,js,,-1", "capacity"),
        ("m-1,mentor,,GB,UTC,en,js,,many", "capacity"),
        ("m-1,mentee,,GB,UTC,en,,js,1", "only a mentor has a capacity"),
        ("m-1,mentor,,GB,UTC,en,js,1", "8 cells instead of 9"),
        ("m-1,mentor,a,b,GB,UTC,en,js,,1", "10 cells instead of 9"),
        (f"m-1,mentor,{'x' * 201},GB,UTC,en,js,,1", "headline"),
    ],
)
def test_a_bad_row_is_reported_and_the_others_go_in(row: str, column: str) -> None:
    file = roster(GOOD.replace("m-1", "m-0"), row, GOOD.replace("m-1", "m-2"))
    assert [good.external_id for good in file.rows] == ["m-0", "m-2"]
    [bad] = file.rejected
    assert bad.line == 3
    assert bad.external_id == row.partition(",")[0]
    assert bad.reason.startswith(column)


def test_a_reason_repeats_no_value_of_the_row() -> None:
    [reason] = reasons("m-1,guru,Secret Agent,Moon,Mars/Base,klingon,js,,many")
    assert not any(value in reason for value in ("guru", "Secret", "Moon", "Mars", "klingon", "many"))


def test_of_two_rows_with_the_same_external_id_the_first_counts() -> None:
    file = roster(GOOD, GOOD.replace("Engineer", "Admiral"), GOOD.replace("Engineer", "Countess"))
    assert [row.headline for row in file.rows] == ["Engineer"]
    assert [(bad.line, bad.reason) for bad in file.rejected] == [
        (3, "external_id: already in line 2"),
        (4, "external_id: already in line 2"),
    ]


def test_what_is_not_csv_is_refused() -> None:
    with pytest.raises(RosterUnreadable):
        roster("x" * 200_000)


def test_a_file_of_bad_rows_is_refused_as_a_whole() -> None:
    assert len(roster(*["rubbish"] * 1_000).rejected) == 1_000
    with pytest.raises(TooManyBadRows):
        roster(*["rubbish"] * 1_001)

"""Reads a roster file: what each row wishes for, and which rows are bad and why."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from services.identity.commands import EnrolPerson
from services.identity.domain.enrolment import enrolment_id_of, person_id_of
from services.identity.events import RejectedRow
from shared.refusals import Invalid

REQUIRED = ("external_id", "role", "headline", "country", "timezone", "languages")
LISTS = ("languages", "skills", "wants")
COLUMNS = (*REQUIRED, "skills", "wants", "capacity")
BAD_ROWS_AT_MOST = 1_000


class ColumnsMissing(Invalid):
    """The roster's header lacks columns that every roster has."""


class RosterUnreadable(Invalid):
    """This is not a CSV file."""


class TooManyBadRows(Invalid):
    """More than a thousand rows of this roster are bad: nothing was imported."""


@dataclass(frozen=True)
class Roster:
    """`lines` says of each good row's `external_id` which line it was."""

    rows: tuple[EnrolPerson, ...]
    rejected: tuple[RejectedRow, ...]
    lines: Mapping[str, int]


@dataclass(frozen=True)
class _Line:
    """`cells` of the columns that are known; `fault` is what is wrong with the line as such."""

    number: int
    cells: dict[str, str]
    fault: str = ""


def read(text: str, program_id: UUID, at: datetime) -> Roster:
    """Of two rows with the same `external_id` the first counts. Raises `Invalid` for a file that is no roster."""
    rows: list[EnrolPerson] = []
    rejected: list[RejectedRow] = []
    first: dict[str, int] = {}
    for line in _lines(text):
        external_id = line.cells.get("external_id", "")
        earlier = first.setdefault(external_id, line.number) if external_id else line.number
        try:
            _require_sound(line, earlier)
            rows.append(_row(line.cells, program_id, at))
        except ValueError as error:
            rejected.append(RejectedRow(line=line.number, external_id=external_id[:100], reason=_reason(error)))
            _require_few(rejected)
    return Roster(tuple(rows), tuple(rejected), first)


def _lines(text: str) -> Iterator[_Line]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if missing := [name for name in REQUIRED if name not in header]:
            raise ColumnsMissing(f"The roster's header lacks: {', '.join(missing)}.", missing=missing)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _line(reader.line_num, header, cells)
    except csv.Error as error:
        raise RosterUnreadable(f"Line {reader.line_num} is not CSV: {error}.", line=reader.line_num) from None


def _line(number: int, header: list[str], cells: list[str]) -> _Line:
    known = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name in COLUMNS}
    if len(cells) == len(header):
        return _Line(number, known)
    return _Line(number, known, f"{len(cells)} cells instead of {len(header)}")


def _require_sound(line: _Line, earlier: int) -> None:
    if line.fault:
        raise ValueError(line.fault)
    if earlier != line.number:
        raise ValueError(f"external_id: already in line {earlier}")


def _row(cells: dict[str, str], program_id: UUID, at: datetime) -> EnrolPerson:
    person_id = person_id_of(program_id, cells["external_id"])
    ids = {"program_id": program_id, "person_id": person_id, "enrolment_id": enrolment_id_of(program_id, person_id)}
    given = {name: cell for name, cell in cells.items() if cell and name not in LISTS}
    lists = {name: _list(cells.get(name, "")) for name in LISTS}
    return EnrolPerson.model_validate({**given, **lists, **ids, "at": at})


def _list(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in cell.split(";") if item.strip()))


def _reason(error: ValueError) -> str:
    """Names columns and rules, never a value: it is kept in the log."""
    if not isinstance(error, ValidationError):
        return str(error)
    details = error.errors(include_url=False, include_input=False)
    return "; ".join(": ".join([*(str(part) for part in d["loc"][:1]), d["msg"]]) for d in details)


def _require_few(rejected: list[RejectedRow]) -> None:
    if len(rejected) > BAD_ROWS_AT_MOST:
        raise TooManyBadRows(first=[row.model_dump() for row in rejected[:10]])

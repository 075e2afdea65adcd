"""A programme: who coordinates it, and what was imported into it."""

from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from services.identity.commands import CreateProgram, ImportRoster
from services.identity.events import ProgramCreated, RejectedRow, RosterImported
from shared.refusals import Conflict, Forbidden, NotFound
from shared.service import Asker


class OnlyCoordinators(Forbidden):
    """Only a coordinator can create programmes."""


class ProgramExists(Conflict):
    """There is a programme under this id."""


class ProgramUnknown(NotFound):
    """There is no such programme."""


@dataclass(frozen=True)
class NoProgram:
    pass


@dataclass(frozen=True)
class Created:
    """`rejected` are the bad rows that imports have reported so far."""

    coordinator_id: UUID
    rejected: frozenset[RejectedRow] = frozenset()


Program = NoProgram | Created
ProgramEvent = ProgramCreated | RosterImported


@dataclass(frozen=True)
class Founder:
    """Who wants to create a programme."""

    asker: Asker
    is_coordinator: bool


@dataclass(frozen=True)
class Report:
    """What an import did to each row of the file."""

    asker: Asker
    added: int
    changed: int
    unchanged: int
    rejected: tuple[RejectedRow, ...]


def evolve(state: Program, event: ProgramEvent) -> Program:
    match event:
        case ProgramCreated():
            return Created(event.coordinator_id)
        case RosterImported():
            return replace(state, rejected=state.rejected | {*event.rejected}) if isinstance(state, Created) else state
        case _:
            assert_never(event)


def told(report: Report | RosterImported) -> dict[str, Any]:
    """What the asker is told of an import: JSON values."""
    return {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": [row.model_dump() for row in report.rejected],
    }


def coordinated(state: Program, asker: Asker) -> Created:
    """The programme, for its coordinator; for anybody else there is none."""
    if isinstance(state, Created) and state.coordinator_id == asker.person:
        return state
    raise ProgramUnknown()


def decide(command: CreateProgram | ImportRoster, state: Program, known: Founder | Report) -> list[ProgramEvent]:
    match command, known:
        case CreateProgram(), Founder():
            return _create(command, state, known)
        case ImportRoster(), Report():
            return _record_import(command, coordinated(state, known.asker), known)
    raise AssertionError(command)


def _create(command: CreateProgram, state: Program, founder: Founder) -> list[ProgramEvent]:
    person_id = founder.asker.person
    if person_id is None or not founder.is_coordinator:
        raise OnlyCoordinators()
    if isinstance(state, Created):
        raise ProgramExists()
    return [ProgramCreated(program_id=command.program_id, name=command.name, coordinator_id=person_id)]


def _record_import(command: ImportRoster, program: Created, report: Report) -> list[ProgramEvent]:
    """Worth a line in the programme's history only if it brought something new."""
    if not (report.added or report.changed or set(report.rejected) - program.rejected):
        return []
    return [
        RosterImported(
            program_id=command.program_id,
            import_id=command.import_id,
            added=report.added,
            changed=report.changed,
            unchanged=report.unchanged,
            rejected=report.rejected,
        )
    ]

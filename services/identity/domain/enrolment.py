"""An enrolment: one person's part in one programme, as the roster says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from services.identity.commands import EnrolPerson, EraseEnrolment
from services.identity.domain.person import PlatformOnly
from services.identity.domain.program import Program, coordinated
from services.identity.events import EnrolmentErased, EnrolmentRevised, PersonEnrolled
from shared.ids import derived_id
from shared.refusals import Gone, Invalid
from shared.service import Asker


class EnrolmentIdsWrong(Invalid):
    """The person's and the enrolment's id do not follow from the programme and the external id."""


class EnrolmentGone(Gone):
    """This person was erased."""


@dataclass(frozen=True)
class NotEnrolled:
    pass


@dataclass(frozen=True)
class Enrolled:
    """`row` is the roster's row as it was last recorded, personal values opened."""

    row: PersonEnrolled | EnrolmentRevised


@dataclass(frozen=True)
class Erased:
    pass


Enrolment = NotEnrolled | Enrolled | Erased
EnrolmentEvent = PersonEnrolled | EnrolmentRevised | EnrolmentErased


@dataclass(frozen=True)
class Registrar:
    """Who enrols, into which programme."""

    asker: Asker
    program: Program


def person_id_of(program_id: UUID, external_id: str) -> UUID:
    """A roster tells people apart by `external_id` alone, so a person belongs to the programme that brought them in."""
    return derived_id(program_id, "person", external_id)


def enrolment_id_of(program_id: UUID, person_id: UUID) -> UUID:
    return derived_id(program_id, "enrolment", person_id)


def evolve(state: Enrolment, event: EnrolmentEvent) -> Enrolment:
    match event:
        case PersonEnrolled() | EnrolmentRevised():
            return Enrolled(event)
        case EnrolmentErased():
            return Erased()
        case _:
            assert_never(event)


def decide(
    command: EnrolPerson | EraseEnrolment, state: Enrolment, known: Registrar | Asker
) -> Sequence[EnrolmentEvent]:
    match command, known:
        case EnrolPerson(), Registrar():
            return _enrol(command, state, known)
        case EraseEnrolment(), Asker():
            return _erase(command, state, known)
    raise AssertionError(command)


def _enrol(command: EnrolPerson, state: Enrolment, registrar: Registrar) -> Sequence[EnrolmentEvent]:
    coordinated(registrar.program, registrar.asker)
    if (command.person_id, command.enrolment_id) != _ids(command):
        raise EnrolmentIdsWrong()
    row = command.model_dump(exclude={"at"})
    match state:
        case NotEnrolled():
            return [PersonEnrolled(**row)]
        case Enrolled(before):
            return [] if before.model_dump(warnings=False) == row else [EnrolmentRevised(**row)]
        case Erased():
            raise EnrolmentGone()
        case _:
            assert_never(state)


def _erase(command: EraseEnrolment, state: Enrolment, asker: Asker) -> Sequence[EnrolmentEvent]:
    if not asker.is_system:
        raise PlatformOnly()
    return [] if isinstance(state, Erased) else [EnrolmentErased(**command.model_dump(exclude={"at"}))]


def _ids(command: EnrolPerson) -> tuple[UUID, UUID]:
    person_id = person_id_of(command.program_id, command.external_id)
    return person_id, enrolment_id_of(command.program_id, person_id)

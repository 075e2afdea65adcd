"""An enrolment: one person's part in one programme, as the roster says."""

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from services.identity.commands import EnrolPerson
from services.identity.domain.program import Program, coordinated
from services.identity.events import EnrolmentRevised, PersonEnrolled
from shared.ids import derived_id
from shared.refusals import Invalid
from shared.service import Asker


class EnrolmentIdsWrong(Invalid):
    """The person's and the enrolment's id do not follow from the programme and the external id."""


@dataclass(frozen=True)
class NotEnrolled:
    pass


@dataclass(frozen=True)
class Enrolled:
    """`row` is the roster's row as it was last recorded, personal values opened."""

    row: PersonEnrolled | EnrolmentRevised


Enrolment = NotEnrolled | Enrolled
EnrolmentEvent = PersonEnrolled | EnrolmentRevised


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
        case _:
            assert_never(event)


def decide(command: EnrolPerson, state: Enrolment, registrar: Registrar) -> list[EnrolmentEvent]:
    coordinated(registrar.program, registrar.asker)
    if (command.person_id, command.enrolment_id) != _ids(command):
        raise EnrolmentIdsWrong()
    row = command.model_dump(exclude={"at"})
    match state:
        case NotEnrolled():
            return [PersonEnrolled(**row)]
        case Enrolled(before):
            return [] if before.model_dump() == row else [EnrolmentRevised(**row)]
        case _:
            assert_never(state)


def _ids(command: EnrolPerson) -> tuple[UUID, UUID]:
    person_id = person_id_of(command.program_id, command.external_id)
    return person_id, enrolment_id_of(command.program_id, person_id)

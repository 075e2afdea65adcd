"""Identity's three kinds of streams, and what is looked up for each decision."""

from services.identity.adapters.keyring import addressed
from services.identity.commands import (
    AcceptInvitation,
    AppointCoordinator,
    CreateProgram,
    EnrolPerson,
    EraseAccount,
    EraseEnrolment,
    ErasePerson,
    ImportRoster,
    InvitePerson,
    RegisterPerson,
)
from services.identity.domain import enrolment, person, program
from shared.ids import NIL
from shared.runtime import Reader
from shared.service import Aggregate, Asker


def founder(command: CreateProgram, asker: Asker, reader: Reader) -> program.Founder:
    state = reader.state(PERSON, asker.person or NIL)
    return program.Founder(asker, isinstance(state, person.Member) and state.coordinator)


def registrar(command: EnrolPerson | EraseEnrolment, asker: Asker, reader: Reader) -> enrolment.Registrar | Asker:
    if isinstance(command, EraseEnrolment):
        return asker
    return enrolment.Registrar(asker, reader.state(PROGRAM, command.program_id))


def inviter(command: InvitePerson | RegisterPerson, asker: Asker, reader: Reader) -> Asker | person.Inviter:
    if isinstance(command, RegisterPerson):
        return asker
    row = reader.state(ENROLMENT, enrolment.enrolment_id_of(command.program_id, command.person_id))
    enrolled = isinstance(row, enrolment.Enrolled)
    return person.Inviter(asker, reader.state(PROGRAM, command.program_id), enrolled)


PROGRAM: Aggregate[program.Program] = Aggregate(
    category="program",
    initial=program.NoProgram(),
    evolve=program.evolve,
    decide=program.decide,
    commands={
        CreateProgram: lambda command: command.program_id,
        ImportRoster: lambda command: command.program_id,
    },
    know=founder,
)

ENROLMENT: Aggregate[enrolment.Enrolment] = Aggregate(
    category="enrolment",
    initial=enrolment.NotEnrolled(),
    evolve=enrolment.evolve,
    decide=enrolment.decide,
    commands={kind: lambda command: command.enrolment_id for kind in (EnrolPerson, EraseEnrolment)},
    know=registrar,
    opened=True,
)

PERSON: Aggregate[person.Person] = Aggregate(
    category="person",
    initial=person.Stranger(),
    evolve=person.evolve,
    decide=person.decide,
    commands={
        RegisterPerson: lambda command: command.person_id,
        AppointCoordinator: lambda command: command.person_id,
        InvitePerson: lambda command: command.person_id,
        AcceptInvitation: lambda command: addressed(command.token)[0],
        EraseAccount: lambda command: command.person_id,
        ErasePerson: lambda command: command.person_id,
    },
    know=inviter,
)

"""Identity's three kinds of streams, and what is looked up for each decision."""

from dataclasses import replace
from functools import partial

from services.identity.adapters.keyring import addressed
from services.identity.commands import (
    AcceptInvitation,
    AppointCoordinator,
    CreateProgram,
    EnableWebhook,
    EnrolPerson,
    EraseAccount,
    EraseEnrolment,
    ErasePerson,
    ImportRoster,
    InvitePerson,
    RegisterPerson,
    RegisterWebhook,
    RemoveWebhook,
    ReplayWebhook,
)
from services.identity.domain import enrolment, person, program
from shared.ids import NIL
from shared.runtime import Reader
from shared.service import Aggregate, Asker


def founder(
    command: program.ProgramCommand, asker: Asker, reader: Reader, private: bool = False
) -> program.Founder | program.Subscriber:
    if not isinstance(command, CreateProgram):
        return program.Subscriber(asker, private)
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
        kind: lambda command: command.program_id
        for kind in (CreateProgram, ImportRoster, RegisterWebhook, RemoveWebhook, EnableWebhook, ReplayWebhook)
    },
    know=founder,
)


def programs(private: bool) -> Aggregate[program.Program]:
    """`PROGRAM` whose webhooks may, or may not, lead to private addresses."""
    return replace(PROGRAM, know=partial(founder, private=private))


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

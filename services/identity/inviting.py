"""Inviting everybody of a programme in one go."""

from collections.abc import Iterator
from uuid import UUID

from services.identity.aggregates import ENROLMENT, PROGRAM
from services.identity.batches import in_batches
from services.identity.commands import InvitePeople, InvitePerson
from services.identity.domain.enrolment import enrolment_id_of
from services.identity.domain.person import AlreadySignedUp, Inviter, PersonUnknown
from services.identity.domain.program import coordinated
from shared.ids import derived_id
from shared.refusals import Refusal
from shared.runtime import Runtime
from shared.service import Asker, Context, Done


def invite_people(runtime: Runtime, command: InvitePeople, asker: Asker, context: Context) -> Done:
    """Each invitation is a command of its own under a derived id: cut off and sent again, it goes on."""
    program = runtime.reader.state(PROGRAM, command.program_id)
    coordinated(program, asker)
    invited: list[dict[str, str]] = []
    skipped: list[dict[str, str]] = []
    position = 0
    for person_id, answer in _invite(runtime, command, Inviter(asker, program, enrolled=True), context):
        match answer:
            case Done():
                invited.append({"person_id": str(person_id), "token": answer.result["token"]})
                position = max(position, answer.position)
            case AlreadySignedUp() | PersonUnknown():
                skipped.append({"person_id": str(person_id), "code": answer.code})
            case _:
                raise answer
    return Done(position, result={"invited": invited, "skipped": skipped})


def _invite(
    runtime: Runtime, command: InvitePeople, inviter: Inviter, context: Context
) -> Iterator[tuple[UUID, Done | Refusal]]:
    for people in in_batches(dict.fromkeys(command.person_ids)):
        enrolled = _enrolled(runtime, command.program_id, people)
        yield from ((person_id, PersonUnknown()) for person_id in people if person_id not in enrolled)
        commands = [
            (
                _invitation(command, person_id),
                Context(derived_id(context.command_id, person_id), context.correlation_id),
            )
            for person_id in enrolled
        ]
        yield from zip(enrolled, runtime.execute(commands, inviter.asker, known=inviter), strict=True)


def _enrolled(runtime: Runtime, program_id: UUID, people: list[UUID]) -> list[UUID]:
    names = {person_id: ENROLMENT.stream(enrolment_id_of(program_id, person_id)) for person_id in people}
    streams = runtime.log.streams(list(names.values()))
    return [person_id for person_id, name in names.items() if streams[name]]


def _invitation(command: InvitePeople, person_id: UUID) -> InvitePerson:
    return InvitePerson(
        person_id=person_id,
        program_id=command.program_id,
        invitation_id=derived_id(command.batch_id, person_id),
        expires_at=command.expires_at,
        at=command.at,
    )

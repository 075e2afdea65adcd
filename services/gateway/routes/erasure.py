"""Being forgotten: at one's own wish, or by decision of the coordinator."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.gateway.access import Coordinated
from services.gateway.answers import Accepted, Answer
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.views import accounts, people
from services.identity.commands import EraseAccount, ErasePerson, Secret
from shared.database import reading
from shared.messages import Command

router = APIRouter(tags=["people"])


class OwnErasureBody(Asked):
    """The account's password once more. There is no way back."""

    password: Secret


class ErasureBody(Asked):
    """There is no way back."""

    reason: Literal["asked_coordinator", "consent_withdrawn", "no_longer_needed", "entered_by_mistake"]


class ErasureAnswer(Answer):
    """From then on nothing of the person can be read."""

    person_id: UUID
    erased_at: datetime


@router.post("/v1/people/{person_id}/erasure", response_model=ErasureAnswer, responses={202: {"model": Accepted}})
async def erase_account(person_id: UUID, body: OwnErasureBody, sender: Sending, member: SignedIn) -> Response:
    """Somebody wants to be forgotten: signs out everywhere, ends what is open, and makes all they wrote unreadable."""
    command = EraseAccount(person_id=person_id, password=body.password, at=sender.at)
    return await _erase(command, person_id, sender, member)


@router.post(
    "/v1/programs/{program_id}/people/{person_id}/erasure",
    response_model=ErasureAnswer,
    responses={202: {"model": Accepted}},
)
async def erase_person(
    person_id: UUID, body: ErasureBody, program: Coordinated, sender: Sending, member: SignedIn
) -> Response:
    """The same, by decision of the programme's coordinator."""
    command = ErasePerson(person_id=person_id, program_id=program.program, reason=body.reason, at=sender.at)
    return await _erase(command, person_id, sender, member)


async def _erase(command: Command, person_id: UUID, sender: Sender, member: Member) -> Response:
    """In none of the programmes, but knowing of the person's enrolments."""
    done = await sender.send(command, seen=_enrolled(member, person_id), new=True)

    def read() -> ErasureAnswer:
        member.gateway.standing.forget(person_id)
        with reading(member.gateway.database) as connection:
            return ErasureAnswer.shown(accounts.account(connection, person_id))

    return await sender.answer(done, f"/v1/people/{person_id}", read)


def _enrolled(member: Member, person_id: UUID) -> int:
    with reading(member.gateway.database) as connection:
        return max((row.position for row in people.enrolments_of(connection, person_id)), default=0)

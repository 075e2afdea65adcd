"""Who one is here."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from services.gateway.answers import Answer, respond
from services.gateway.caller import Member, SignedIn
from services.gateway.routes.programs import ProgramAnswer
from services.gateway.views import accounts, programs
from shared.database import reading

router = APIRouter(tags=["me"])


class MeAnswer(Answer):
    """`coordinator`: may create programmes. `programs`: where the person has a part, and which."""

    person_id: UUID
    display_name: str | None
    email: str | None
    coordinator: bool
    programs: list[ProgramAnswer]


@router.get("/v1/me", response_model=MeAnswer)
def me(member: SignedIn) -> Response:
    with reading(member.gateway.database) as connection:
        return respond(who(connection, member))


def who(connection: Connection, member: Member) -> MeAnswer:
    account = accounts.account(connection, member.person)
    parts = programs.programs_of(connection, member.person)
    reveal = member.gateway.vault.reveal
    return MeAnswer(
        person_id=member.person,
        display_name=reveal(account.display_name) if account else None,
        email=reveal(account.email) if account else None,
        coordinator=account is not None and account.coordinator,
        programs=[ProgramAnswer.shown(row) for row in parts],
    )

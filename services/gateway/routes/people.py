"""Who is in a programme, and the links by which they join."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.gateway.access import Coordinated
from services.gateway.answers import Accepted, Answer, Page, Text, Texts, respond
from services.gateway.asked import Asked, cursor, from_cursor
from services.gateway.caller import Member, Sending, SignedIn
from services.gateway.views import people
from services.identity.commands import InvitePeople
from shared.database import reading

router = APIRouter(tags=["people"])

INVITATION_TIME = timedelta(seconds=60)

ExternalId = Annotated[str, Field(min_length=1, max_length=100)]


class PersonAnswer(Answer):
    """As the roster and their own account say. `signed_up_at` is null until they have accepted an invitation.

    Of somebody who was erased, at `erased_at`, what is personal is null.
    """

    person_id: UUID
    external_id: str
    role: Literal["mentor", "mentee"]
    display_name: Text
    headline: Text
    country: Text
    timezone: Text
    languages: Texts
    skills: Texts
    wants: Texts
    capacity: int
    invited_until: datetime | None
    signed_up_at: datetime | None
    erased_at: datetime | None


class InvitationsBody(Asked):
    """Without `external_ids`: all who have not signed up."""

    external_ids: Annotated[list[ExternalId], Field(max_length=5000)] | None = None


class InvitationAnswer(Answer):
    """The `token`, and the link that carries it. It works once; an earlier one of this person no longer does."""

    person_id: UUID
    external_id: str
    token: str
    link: str


class SkippedAnswer(Answer):
    """`code` tells why: person_unknown, already_signed_up."""

    external_id: str
    code: str


class InvitationsAnswer(Answer):
    items: list[InvitationAnswer]
    skipped: list[SkippedAnswer]


@router.get("/v1/programs/{program_id}/people", response_model=Page[PersonAnswer])
def list_people(
    program: Coordinated,
    member: SignedIn,
    role: Literal["mentor", "mentee"] | None = None,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    start = from_cursor(after)
    with reading(member.gateway.database) as connection:
        rows = people.people_of(connection, program.program, after=start, role=role, limit=limit + 1)
    vault = member.gateway.vault
    items = [PersonAnswer.shown(row, vault.reveal) for row in rows[:limit]]
    return respond(Page(items=items, next=cursor(items[-1].external_id) if len(rows) > limit else None))


@router.post(
    "/v1/programs/{program_id}/invitations",
    response_model=InvitationsAnswer,
    responses={202: {"model": Accepted}},
)
async def invite(body: InvitationsBody, program: Coordinated, sender: Sending, member: SignedIn) -> Response:
    """One-time links to hand out. The tokens are told here and never again."""
    invitees = await run_in_threadpool(_invitees, member, program.program, body.external_ids)
    command = InvitePeople(
        program_id=program.program,
        batch_id=sender.id_of_new("invitations"),
        person_ids=tuple(invitees),
        at=sender.at,
    )
    done = await sender.send(command, program=program.program, seen=program.position, new=True, within=INVITATION_TIME)
    answer = _invitations(member, invitees, set(body.external_ids or ()) - set(invitees.values()), done.result)
    where = f"/v1/programs/{program.program}/people"
    return await sender.answer(done, where, lambda: answer)


def _invitees(member: Member, program_id: UUID, external_ids: list[str] | None) -> dict[UUID, str]:
    """Person → external id."""
    with reading(member.gateway.database) as connection:
        if external_ids is None:
            rows = people.not_signed_up(connection, program_id)
        else:
            rows = people.named(connection, program_id, external_ids)
    return {row.person_id: row.external_id for row in rows}


def _invitations(
    member: Member, invitees: dict[UUID, str], unknown: set[str], result: Mapping[str, Any]
) -> InvitationsAnswer:
    base = member.gateway.settings.public_url
    invited = {UUID(one["person_id"]): one["token"] for one in result["invited"]}
    skipped = [
        SkippedAnswer(external_id=invitees[UUID(one["person_id"])], code=one["code"]) for one in result["skipped"]
    ]
    return InvitationsAnswer(
        items=[
            InvitationAnswer(
                person_id=person, external_id=invitees[person], token=token, link=f"{base}/join#token={token}"
            )
            for person, token in invited.items()
        ],
        skipped=skipped + [SkippedAnswer(external_id=one, code="person_unknown") for one in sorted(unknown)],
    )

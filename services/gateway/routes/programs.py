"""Programmes and their rosters."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from services.gateway import access
from services.gateway.access import Coordinated
from services.gateway.answers import Accepted, Answer, Page, respond
from services.gateway.asked import Asked, is_storable
from services.gateway.caller import Member, Sending, SignedIn
from services.gateway.views import programs
from services.identity.commands import CreateProgram, ImportRoster, Name
from shared.database import reading
from shared.refusals import Invalid

router = APIRouter(tags=["programs"])

IMPORT_TIME = timedelta(seconds=60)
IMPORT_PATIENCE_SECONDS = 10.0


class RosterUnreadable(Invalid):
    """A roster is a CSV file in UTF-8."""


class ProgramBody(Asked):
    name: Name


class ProgramAnswer(Answer):
    """`role` is what whoever asks has in it."""

    program_id: UUID = Field(validation_alias="program")
    name: str
    role: Literal["coordinator", "mentor", "mentee"]
    version: int


class RejectedRowAnswer(Answer):
    """`line` counts from 1, the header included."""

    line: int
    external_id: str = ""
    reason: str


class RosterAnswer(Answer):
    """How many rows of the file did what; the rejected ones changed nothing."""

    added: int
    changed: int
    unchanged: int
    rejected: list[RejectedRowAnswer]


@router.post("/v1/programs", status_code=201, response_model=ProgramAnswer, responses={202: {"model": Accepted}})
async def create(body: ProgramBody, sender: Sending, member: SignedIn) -> Response:
    program_id = sender.id_of_new("program")
    command = CreateProgram(program_id=program_id, name=body.name, at=sender.at)
    done = await sender.send(command, program=program_id, new=True)
    return await sender.answer(done, f"/v1/programs/{program_id}", lambda: _program(member, program_id), created=True)


@router.get("/v1/programs", response_model=Page[ProgramAnswer])
def list_own(member: SignedIn) -> Response:
    """Those that one coordinates or takes part in."""
    with reading(member.gateway.database) as connection:
        rows = programs.programs_of(connection, member.person)
    return respond(Page(items=[ProgramAnswer.shown(row) for row in rows]))


@router.get("/v1/programs/{program_id}", response_model=ProgramAnswer)
def show(program_id: UUID, member: SignedIn) -> Response:
    return respond(_program(member, program_id))


ROSTER: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


@router.post(
    "/v1/programs/{program_id}/roster",
    response_model=RosterAnswer,
    responses={202: {"model": Accepted}},
    openapi_extra={"requestBody": {"required": True, "content": ROSTER}},
)
async def import_roster(request: Request, program: Coordinated, sender: Sending) -> Response:
    """People come in, or are revised, by their `external_id`. Rows that are not good are reported, the others go in."""
    text = _text(await request.body())
    import_id = sender.id_of_new("import")
    command = ImportRoster(program_id=program.program, import_id=import_id, csv=text, at=sender.at)
    done = await sender.send(command, program=program.program, seen=program.position, new=True, within=IMPORT_TIME)
    report = RosterAnswer.model_validate(done.result)
    where = f"/v1/programs/{program.program}/people"
    return await sender.answer(done, where, lambda: report, patience=IMPORT_PATIENCE_SECONDS)


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RosterUnreadable() from None
    if not is_storable(text):
        raise RosterUnreadable()
    return text


def _program(member: Member, program_id: UUID) -> ProgramAnswer:
    with reading(member.gateway.database) as connection:
        return ProgramAnswer.shown(access.program_for(connection, member, program_id))

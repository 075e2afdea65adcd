"""Files that the two share. The bytes go straight to the object store and come straight from it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.files import commands
from services.gateway import access
from services.gateway.access import Thing, belonging, party_to
from services.gateway.answers import Accepted, Answer, Page, Text, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.views import files
from shared.database import reading
from shared.messages import Command
from shared.refusals import NotFound

router = APIRouter(tags=["files"])


class FileUnknown(NotFound):
    """There is no such file."""


class FileBody(Asked):
    """`size` in bytes; `sha256` in hex. Other bytes than these are not taken."""

    name: commands.FileName
    content_type: commands.ContentType
    size: commands.Size
    sha256: commands.Sha256


class FileAnswer(Answer):
    """`status` is uploading, shared or withdrawn; until `expires_at` the bytes may arrive."""

    file_id: UUID
    relationship_id: UUID
    owner_id: UUID
    name: Text
    content_type: str
    size: int
    sha256: Text
    status: str
    expires_at: datetime
    shared_at: datetime | None
    version: int


class UploadAnswer(Answer):
    """How to send the bytes."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class NewFileAnswer(FileAnswer):
    upload: UploadAnswer


class DownloadAnswer(Answer):
    """Where the bytes are, and until when."""

    url: str
    expires_at: datetime


def _find(member: Member, file_id: UUID) -> Thing:
    with reading(member.gateway.database) as connection:
        return belonging(connection, member, files.file(connection, file_id), FileUnknown)


def _own(file_id: UUID, member: SignedIn) -> Thing:
    return _find(member, file_id)


Own = Annotated[Thing, Depends(_own)]


@router.get("/v1/relationships/{relationship_id}/files", response_model=Page[FileAnswer])
def list_files(relationship_id: UUID, member: SignedIn) -> Response:
    """The oldest first; without those that were withdrawn."""
    with reading(member.gateway.database) as connection:
        found = party_to(connection, member, relationship_id)
        rows = files.files_of(connection, relationship_id)
    return respond(Page(items=[_tell(Thing(row, found)) for row in rows]))


@router.post(
    "/v1/relationships/{relationship_id}/files",
    status_code=201,
    response_model=NewFileAnswer,
    responses={202: {"model": Accepted}},
)
async def start_upload(body: FileBody, own: access.Own, sender: Sending, member: SignedIn) -> Response:
    """Announces a file; the answer's `upload` says where its bytes go. Then complete it."""
    file_id = sender.id_of_new("file")
    command = commands.StartUpload(
        file_id=file_id, relationship_id=own.relationship_id, **body.model_dump(), at=sender.at
    )
    done = await sender.send(command, program=own.program, seen=own.position, new=True)
    upload = UploadAnswer.model_validate(done.result["upload"])

    def read() -> NewFileAnswer:
        return NewFileAnswer(**_tell(_find(member, file_id)).model_dump(), upload=upload)

    return await sender.answer(done, f"/v1/files/{file_id}", read, created=True)


@router.get("/v1/files/{file_id}", response_model=FileAnswer)
def show(own: Own) -> Response:
    return respond(_tell(own))


@router.post("/v1/files/{file_id}/completion", response_model=FileAnswer, responses={202: {"model": Accepted}})
async def complete(own: Own, sender: Sending, member: SignedIn) -> Response:
    """The bytes have been sent: if they are those announced, the file is shared."""
    return await _change(commands.CompleteUpload(file_id=own.row.file_id, at=sender.at), own, sender, member)


@router.delete("/v1/files/{file_id}", response_model=FileAnswer, responses={202: {"model": Accepted}})
async def withdraw(own: Own, sender: Sending, member: SignedIn) -> Response:
    return await _change(commands.WithdrawFile(file_id=own.row.file_id, at=sender.at), own, sender, member)


@router.get("/v1/files/{file_id}/download", response_model=DownloadAnswer)
async def link_download(own: Own, sender: Sending) -> Response:
    command = commands.LinkDownload(file_id=own.row.file_id, at=sender.at)
    done = await sender.send(command, program=own.row.program, seen=own.relationship.row.position)
    return respond(DownloadAnswer.model_validate(done.result["download"]))


async def _change(command: Command, own: Thing, sender: Sender, member: Member) -> Response:
    file_id = own.row.file_id
    done = await sender.send(command, program=own.row.program, seen=own.relationship.row.position)
    return await sender.answer(done, f"/v1/files/{file_id}", lambda: _tell(_find(member, file_id)))


def _tell(file: Thing) -> FileAnswer:
    return FileAnswer.shown(file.row, file.relationship.reveal)

"""Everything about one person, opened as far as they may read it in the product."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import anyio.from_thread
import httpx
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from services.files.commands import LinkDownload
from services.gateway import access
from services.gateway.access import Seen
from services.gateway.bundle import Content, as_json, as_json_lines, zipped
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.parts import Gateway
from services.gateway.routes.files import FileAnswer
from services.gateway.routes.goals import GoalAnswer
from services.gateway.routes.me import MeAnswer, who
from services.gateway.routes.meetings import MeetingAnswer
from services.gateway.routes.messages import MessageAnswer
from services.gateway.routes.people import PersonAnswer
from services.gateway.routes.relationships import tell as tell_relationship
from services.gateway.telling import EventAnswer, tell
from services.gateway.views import files, goals, meetings, messages, people, programs, relationships
from services.identity.domain.enrolment import enrolment_id_of
from shared.database import reading
from shared.ids import NIL
from shared.log import Recorded
from shared.refusals import Forbidden, Gone

router = APIRouter(tags=["people"])

PAGE = 200

README = """\
All that this platform knows about you.

account.json          who you are here, and in which programmes
enrolments.jsonl      what the programmes' rosters say of you
events.jsonl          what happened to your account and your enrolments, in order
relationships/<id>/   one folder for each of your mentoring relationships:
    relationship.json     how it stands, what you agreed on, feedback
    messages.jsonl        what the two of you wrote
    meetings.jsonl  goals.jsonl  files.jsonl
    events.jsonl          everything that happened in it, in order
files/<id>/<name>     the files that you shared

A .jsonl file holds one JSON object a line. Times are in UTC. Of the other person there is what you can read in the
product, and no more; what somebody wrote who has been erased since is null. Password and sign-in tokens are kept as
digests only and are not in here.
"""

Bytes = Callable[[UUID], Content]


class EnrolmentAnswer(PersonAnswer):
    program_id: UUID = Field(validation_alias="program")


class OwnDataOnly(Forbidden):
    """These are the data of somebody else."""


@router.get(
    "/v1/people/{person_id}/export",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export(person_id: UUID, sender: Sending, member: SignedIn) -> StreamingResponse:
    """Everything about oneself as a zip, with a README in it."""
    if person_id != member.person:
        raise OwnDataOnly()

    def bytes_of(file_id: UUID) -> Content:
        return _bytes(member.gateway, sender, file_id)

    disposition = {"Content-Disposition": 'attachment; filename="my-data.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(zipped(everything(member, bytes_of)), media_type="application/zip", headers=disposition)


def everything(member: Member, bytes_of: Bytes) -> Iterator[tuple[str, Content]]:
    """Path → content. `bytes_of` gives what is in a file."""
    yield "README.txt", [README.encode()]
    yield "account.json", as_json(_account(member))
    yield "enrolments.jsonl", as_json_lines(_enrolments(member))
    yield "events.jsonl", as_json_lines(_told(_own_events(member), member))
    for relationship_id in _relationship_ids(member):
        yield from _relationship(member, relationship_id, bytes_of)


def _account(member: Member) -> MeAnswer:
    with reading(member.gateway.database) as connection:
        return who(connection, member)


def _enrolments(member: Member) -> list[EnrolmentAnswer]:
    reveal = member.gateway.vault.reveal
    with reading(member.gateway.database) as connection:
        rows = people.everywhere(connection, member.person)
    return [EnrolmentAnswer.shown(row, reveal) for row in rows]


def _own_events(member: Member) -> Iterator[Recorded]:
    with reading(member.gateway.database) as connection:
        parts = programs.programs_of(connection, member.person)
    for name in [f"person-{member.person}", *(_part(member.person, row) for row in parts)]:
        yield from member.gateway.log.streams([name])[name]


def _part(person: UUID, row: Any) -> str:
    """The stream of the enrolment; of the programme itself for its coordinator."""
    if row.role == "coordinator":
        return f"program-{row.program}"
    return f"enrolment-{enrolment_id_of(row.program, person)}"


def _told(events: Iterable[Recorded], member: Member) -> Iterator[EventAnswer]:
    return (tell(one, member.gateway.vault.reveal) for one in events)


def _relationship_ids(member: Member) -> Iterator[UUID]:
    after = NIL
    while True:
        with reading(member.gateway.database) as connection:
            rows = relationships.relationships_of(connection, member.person, after, PAGE)
        yield from (row.relationship_id for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].relationship_id


def _relationship(member: Member, relationship_id: UUID, bytes_of: Bytes) -> Iterator[tuple[str, Content]]:
    with reading(member.gateway.database) as connection:
        found = access.relationship_for(connection, member, relationship_id)
        met = meetings.meetings_of(connection, relationship_id)
        aimed = goals.goals_of(connection, relationship_id)
        shared = files.files_of(connection, relationship_id)
    folder = f"relationships/{relationship_id}"
    told = tell_relationship(found, found.row.summary, member.gateway.vault.reveal)
    yield f"{folder}/relationship.json", as_json(told)
    yield f"{folder}/messages.jsonl", as_json_lines(_messages(member, found))
    yield f"{folder}/meetings.jsonl", as_json_lines(MeetingAnswer.shown(row, found.reveal) for row in met)
    yield f"{folder}/goals.jsonl", as_json_lines(GoalAnswer.shown(row, found.reveal) for row in aimed)
    yield f"{folder}/files.jsonl", as_json_lines(FileAnswer.shown(row, found.reveal) for row in shared)
    history = member.gateway.log.of_subject(relationship_id)
    yield f"{folder}/events.jsonl", as_json_lines(_told(history, member))
    for row in shared:
        if row.owner_id == member.person and row.status == "shared":
            yield f"files/{row.file_id}/{_name(found.reveal(row.name))}", bytes_of(row.file_id)


def _messages(member: Member, found: Seen) -> Iterator[MessageAnswer]:
    after = 0
    while True:
        with reading(member.gateway.database) as connection:
            rows = messages.messages_of(connection, found.row.relationship_id, after, PAGE)
        yield from (MessageAnswer.shown(row, found.reveal) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].position


def _name(name: Any) -> str:
    """A file's name has no slash, but may be `..`."""
    return str(name).strip(".") or "file"


def _bytes(gateway: Gateway, sender: Sender, file_id: UUID) -> Iterator[bytes]:
    """By a link such as the person would be given; asked of the object store where the platform sees it."""
    command = LinkDownload(file_id=file_id, at=sender.at)
    try:
        url = anyio.from_thread.run(sender.send, command).result["download"]["url"]
    except Gone:
        return  # withdrawn a moment ago
    if gateway.blobs:
        yield from gateway.blobs.open_get(url.rpartition("/")[2]).pieces()
        return
    link, inside = urlsplit(url), urlsplit(str(gateway.settings.s3_endpoint))
    where = link._replace(scheme=inside.scheme, netloc=inside.netloc).geturl()
    with httpx.stream("GET", where, headers={"Host": link.netloc}) as answer:
        answer.raise_for_status()
        yield from answer.iter_bytes()

"""Meetings, told in everybody's own time; and the calendar that a phone can subscribe to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from services.gateway import access
from services.gateway.access import Thing, belonging, party_to
from services.gateway.answers import Accepted, Answer, Page, Text, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sending, SignedIn
from services.gateway.views import meetings
from services.messaging.commands import CancelMeeting, ScheduleMeeting
from services.messaging.domain import conversation_of
from services.messaging.domain.calendar import Appointment, calendar
from shared.database import reading
from shared.refusals import NotFound

router = APIRouter(tags=["meetings"])


class MeetingUnknown(NotFound):
    """There is no such meeting."""


class MeetingBody(Asked):
    """`time_zone`: the IANA zone in which the organizer thinks of the meeting."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    starts_at: AwareDatetime
    duration_minutes: Annotated[int, Field(ge=5, le=480)]
    time_zone: Annotated[str, Field(min_length=1, max_length=100)]


class CancellationBody(Asked):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class LocalTime(Answer):
    """When the meeting begins where this person is; in UTC for somebody whose zone is not known."""

    person_id: UUID
    time_zone: str
    starts_at: datetime


class MeetingAnswer(Answer):
    meeting_id: UUID
    relationship_id: UUID
    organizer_id: UUID
    title: Text
    starts_at: datetime
    duration_minutes: int
    time_zone: str
    local_times: tuple[LocalTime, ...] = ()
    video_url: str
    status: str
    reason: Text
    version: int


def _find(member: Member, meeting_id: UUID) -> Thing:
    with reading(member.gateway.database) as connection:
        return belonging(connection, member, meetings.meeting(connection, meeting_id), MeetingUnknown)


def _own(meeting_id: UUID, member: SignedIn) -> Thing:
    return _find(member, meeting_id)


Own = Annotated[Thing, Depends(_own)]


@router.get("/v1/relationships/{relationship_id}/meetings", response_model=Page[MeetingAnswer])
def list_meetings(relationship_id: UUID, member: SignedIn) -> Response:
    """The earliest first; cancelled ones too."""
    with reading(member.gateway.database) as connection:
        found = party_to(connection, member, relationship_id)
        rows = meetings.meetings_of(connection, relationship_id)
    return respond(Page(items=[_tell(Thing(row, found)) for row in rows]))


@router.post(
    "/v1/relationships/{relationship_id}/meetings",
    status_code=201,
    response_model=MeetingAnswer,
    responses={202: {"model": Accepted}},
)
async def schedule(body: MeetingBody, own: access.Own, sender: Sending, member: SignedIn) -> Response:
    meeting_id = sender.id_of_new("meeting")
    command = ScheduleMeeting(
        meeting_id=meeting_id, conversation_id=conversation_of(own.relationship_id), **body.model_dump(), at=sender.at
    )
    done = await sender.send(command, program=own.program, seen=own.position, new=True)
    where = f"/v1/meetings/{meeting_id}"
    return await sender.answer(done, where, lambda: _tell(_find(member, meeting_id)), created=True)


@router.get("/v1/meetings/{meeting_id}", response_model=MeetingAnswer)
def show(own: Own) -> Response:
    return respond(_tell(own))


@router.delete("/v1/meetings/{meeting_id}", response_model=MeetingAnswer, responses={202: {"model": Accepted}})
async def cancel(meeting_id: UUID, body: CancellationBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    command = CancelMeeting(meeting_id=meeting_id, reason=body.reason, at=sender.at)
    done = await sender.send(command, program=own.row.program, seen=own.relationship.row.position)
    return await sender.answer(done, f"/v1/meetings/{meeting_id}", lambda: _tell(_find(member, meeting_id)))


@router.get(
    "/v1/relationships/{relationship_id}/calendar.ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
def show_calendar(relationship_id: UUID, member: SignedIn) -> Response:
    with reading(member.gateway.database) as connection:
        found = party_to(connection, member, relationship_id)
        rows = meetings.meetings_of(connection, relationship_id)
    content = calendar(
        Appointment(
            meeting_id=row.meeting_id,
            title=found.reveal(row.title),
            starts_at=row.starts_at,
            duration_minutes=row.duration_minutes,
            time_zone=row.time_zone,
            video_url=row.video_url,
            changed_at=row.changed_at,
            cancelled=row.status == "cancelled",
        )
        for row in rows
    )
    return Response(content, media_type="text/calendar; charset=utf-8")


def _tell(meeting: Thing) -> MeetingAnswer:
    found = meeting.relationship
    people = {found.row.mentor_id: found.row.mentor_timezone, found.row.mentee_id: found.row.mentee_timezone}
    local_times = tuple(_local(person, found.reveal(zone), meeting.row.starts_at) for person, zone in people.items())
    return MeetingAnswer.shown(meeting.row, found.reveal).model_copy(update={"local_times": local_times})


def _local(person: UUID, zone: str | None, moment: datetime) -> LocalTime:
    name = zone or "UTC"
    return LocalTime(person_id=person, time_zone=name, starts_at=moment.astimezone(ZoneInfo(name)))

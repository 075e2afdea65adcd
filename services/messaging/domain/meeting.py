"""When the two meet, and where: a video room of their own."""

import hashlib
import hmac
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.messaging.commands import CancelMeeting, ScheduleMeeting
from services.messaging.domain.conversation import (
    Conversation,
    ConversationNotFound,
    opened,
    participant,
    refuse_closed,
)
from services.messaging.events import MeetingCancelled, MeetingScheduled
from shared.messages import Event
from shared.refusals import Conflict, Invalid, NotFound
from shared.service import Asker

HORIZON = timedelta(days=2 * 366)
TIME_ZONES = frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


class MeetingNotFound(NotFound):
    """There is no such meeting."""


class MeetingInThePast(Invalid):
    """A meeting is scheduled for a time to come."""


class MeetingTooFarAhead(Invalid):
    """A meeting is scheduled for the next two years at the most."""


class TimeZoneUnknown(Invalid):
    """A time zone is named as the IANA database names it: Europe/Berlin."""


class MeetingAlreadyScheduled(Conflict):
    """A meeting of this id was scheduled before."""


class MeetingAlreadyCancelled(Conflict):
    """This meeting was cancelled before."""


class MeetingAlreadyBegun(Conflict):
    """This meeting has begun: it can no longer be cancelled."""


@dataclass(frozen=True, slots=True)
class NotScheduled:
    pass


@dataclass(frozen=True, slots=True)
class Scheduled:
    meeting_id: UUID
    conversation_id: UUID
    relationship_id: UUID
    organizer_id: UUID
    title: str
    starts_at: datetime
    duration_minutes: int
    time_zone: str
    video_url: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    meeting: Scheduled
    cancelled_by: UUID
    reason: str


Meeting = NotScheduled | Scheduled | Cancelled
MeetingCommand = ScheduleMeeting | CancelMeeting
MeetingEvent = MeetingScheduled | MeetingCancelled


@dataclass(frozen=True, slots=True)
class Known:
    asker: Asker
    conversation: Conversation
    video_url: str


def video_url(template: str, secret: bytes, meeting_id: UUID) -> str:
    """`template` with its `{room}` filled in: the same for a meeting always, and to be guessed by nobody without the
    secret."""
    room = hmac.new(secret, f"video:{meeting_id}".encode(), hashlib.sha256).hexdigest()[:32]
    return template.replace("{room}", f"mentoring-{room}")


def decide(command: MeetingCommand, state: Meeting, known: Known) -> Sequence[Event]:
    match command:
        case ScheduleMeeting():
            return _schedule(command, state, known)
        case CancelMeeting():
            return _cancel(command, state, known)
        case _:
            assert_never(command)


def _schedule(command: ScheduleMeeting, state: Meeting, known: Known) -> Sequence[Event]:
    conversation = opened(known.conversation)
    organizer = participant(conversation, known.asker, ConversationNotFound())
    refuse_closed(conversation)
    if not isinstance(state, NotScheduled):
        raise MeetingAlreadyScheduled()
    _check_time(command)
    return [
        MeetingScheduled(
            meeting_id=command.meeting_id,
            conversation_id=command.conversation_id,
            relationship_id=conversation.relationship_id,
            organizer_id=organizer,
            title=command.title,
            starts_at=command.starts_at,
            duration_minutes=command.duration_minutes,
            time_zone=command.time_zone,
            video_url=known.video_url,
        )
    ]


def _check_time(command: ScheduleMeeting) -> None:
    if command.starts_at <= command.at:
        raise MeetingInThePast()
    if command.starts_at > command.at + HORIZON:
        raise MeetingTooFarAhead()
    if command.time_zone not in TIME_ZONES:
        raise TimeZoneUnknown(time_zone=command.time_zone)


def _cancel(command: CancelMeeting, state: Meeting, known: Known) -> Sequence[Event]:
    """Also when the conversation is closed: nobody should wait for somebody who will not come."""
    if isinstance(state, NotScheduled):
        raise MeetingNotFound()
    me = participant(opened(known.conversation), known.asker, MeetingNotFound())
    if isinstance(state, Cancelled):
        raise MeetingAlreadyCancelled()
    if command.at >= state.starts_at:
        raise MeetingAlreadyBegun()
    return [
        MeetingCancelled(
            meeting_id=state.meeting_id,
            relationship_id=state.relationship_id,
            cancelled_by=me,
            reason=command.reason,
        )
    ]


def evolve(state: Meeting, event: MeetingEvent) -> Meeting:
    match event:
        case MeetingScheduled():
            return Scheduled(
                meeting_id=event.meeting_id,
                conversation_id=event.conversation_id,
                relationship_id=event.relationship_id,
                organizer_id=event.organizer_id,
                title=event.title,
                starts_at=event.starts_at,
                duration_minutes=event.duration_minutes,
                time_zone=event.time_zone,
                video_url=event.video_url,
            )
        case MeetingCancelled():
            assert isinstance(state, Scheduled)
            return Cancelled(state, event.cancelled_by, event.reason)
        case _:
            assert_never(event)

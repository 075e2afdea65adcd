from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from services.messaging.commands import CancelMeeting, ScheduleMeeting
from services.messaging.domain.conversation import (
    ConversationClosed,
    ConversationNotFound,
    ConversationNotOpen,
)
from services.messaging.domain.meeting import (
    Cancelled,
    Known,
    MeetingAlreadyBegun,
    MeetingAlreadyCancelled,
    MeetingAlreadyScheduled,
    MeetingInThePast,
    MeetingNotFound,
    MeetingTooFarAhead,
    Scheduled,
    TimeZoneUnknown,
    video_url,
)
from services.messaging.events import MeetingCancelled, MeetingScheduled
from services.messaging.service import MEETING
from tests.scenario import Scenario
from tests.unit.messaging.people import ADA, CLOSED, EVE, GRACE, NOT_OPENED, NOW, OPEN, RELATIONSHIP, ROOM, asks

TEA = uuid4()
STARTS = NOW + timedelta(days=1)
URL = "https://video.example/tea"

meeting = Scenario(MEETING, known=Known(asks(ADA), OPEN, URL))
tea = MeetingScheduled(
    meeting_id=TEA,
    conversation_id=ROOM,
    relationship_id=RELATIONSHIP,
    organizer_id=ADA,
    title="Tea",
    starts_at=STARTS,
    duration_minutes=30,
    time_zone="Europe/London",
    video_url=URL,
)
called_off = MeetingCancelled(meeting_id=TEA, relationship_id=RELATIONSHIP, cancelled_by=GRACE, reason="Ill")


def schedule(**other: Any) -> ScheduleMeeting:
    asked = {"title": "Tea", "starts_at": STARTS, "duration_minutes": 30, "time_zone": "Europe/London", "at": NOW}
    return ScheduleMeeting(meeting_id=TEA, conversation_id=ROOM, **{**asked, **other})


def cancel(at: datetime = NOW) -> CancelMeeting:
    return CancelMeeting(meeting_id=TEA, reason="Ill", at=at)


def known(person: Any, room: Any) -> Known:
    return Known(asks(person), room, URL)


def test_ada_schedules_a_meeting_with_a_video_room() -> None:
    meeting.when(schedule()).then(tea)


def test_a_meeting_may_be_told_in_any_zones_time() -> None:
    in_kolkata = STARTS.astimezone(timezone(timedelta(hours=5, minutes=30)))
    meeting.when(schedule(starts_at=in_kolkata)).then(tea)


def test_nobody_schedules_before_the_room_is_open() -> None:
    meeting.knowing(known(ADA, NOT_OPENED)).when(schedule()).refuses(ConversationNotOpen)


def test_nobody_schedules_after_the_room_is_closed() -> None:
    meeting.knowing(known(ADA, CLOSED)).when(schedule()).refuses(ConversationClosed)


def test_eve_schedules_nothing() -> None:
    meeting.knowing(known(EVE, OPEN)).when(schedule()).refuses(ConversationNotFound)


@pytest.mark.parametrize("starts_at", [NOW, NOW - timedelta(hours=1), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_meeting_lies_ahead(starts_at: datetime) -> None:
    meeting.when(schedule(starts_at=starts_at)).refuses(MeetingInThePast)


def test_a_meeting_does_not_lie_too_far_ahead_for_any_calendar() -> None:
    meeting.when(schedule(starts_at=datetime.max.replace(tzinfo=UTC))).refuses(MeetingTooFarAhead)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "America", "../UTC", "localtime", "europe/london", "UTC+2"])
def test_a_time_zone_is_one_of_iana(zone: str) -> None:
    meeting.when(schedule(time_zone=zone)).refuses(TimeZoneUnknown)


def test_a_meetings_id_serves_one_meeting() -> None:
    meeting.given(tea).when(schedule()).refuses(MeetingAlreadyScheduled)
    meeting.given(tea, called_off).when(schedule()).refuses(MeetingAlreadyScheduled)


def test_grace_cancels_what_ada_scheduled() -> None:
    cancelled = meeting.given(tea).knowing(known(GRACE, OPEN)).when(cancel()).then(called_off).state()
    assert isinstance(cancelled, Cancelled)
    assert isinstance(cancelled.meeting, Scheduled)
    assert (cancelled.meeting.title, cancelled.cancelled_by, cancelled.reason) == ("Tea", GRACE, "Ill")


def test_a_meeting_can_be_cancelled_after_the_relationship_is_over() -> None:
    meeting.given(tea).knowing(known(GRACE, CLOSED)).when(cancel()).then(called_off)


def test_eve_finds_no_meeting_to_cancel() -> None:
    meeting.given(tea).knowing(known(EVE, OPEN)).when(cancel()).refuses(MeetingNotFound)


def test_what_was_never_scheduled_is_not_cancelled() -> None:
    meeting.knowing(known(ADA, NOT_OPENED)).when(cancel()).refuses(MeetingNotFound)


def test_a_meeting_is_cancelled_once() -> None:
    meeting.given(tea, called_off).when(cancel()).refuses(MeetingAlreadyCancelled)


def test_a_meeting_that_has_begun_is_not_cancelled() -> None:
    meeting.given(tea).when(cancel(at=STARTS)).refuses(MeetingAlreadyBegun)


def test_a_video_room_is_the_meetings_own_and_not_to_be_guessed() -> None:
    template = "https://video.example/{room}?lobby={on}"
    url = video_url(template, b"secret", TEA)
    assert url == video_url(template, b"secret", TEA)
    assert url.startswith("https://video.example/mentoring-")
    assert url.endswith("?lobby={on}")
    assert str(TEA) not in url
    assert TEA.hex not in url
    assert len({url, video_url(template, b"secret", uuid4()), video_url(template, b"another", TEA)}) == 3

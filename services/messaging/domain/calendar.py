"""Meetings as a calendar reads them (RFC 5545).

Times are in UTC: every calendar shows them in its owner's zone, and they mean the same whatever a zone does later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar

PRODUCT = "-//mentoring//meetings//EN"


@dataclass(frozen=True, slots=True)
class Appointment:
    """`changed_at` is when the meeting was scheduled, or cancelled; an erased `title` is None."""

    meeting_id: UUID
    title: str | None
    starts_at: datetime
    duration_minutes: int
    time_zone: str
    video_url: str
    changed_at: datetime
    cancelled: bool = False


def calendar(meetings: Iterable[Appointment]) -> bytes:
    """The text of a `calendar.ics`. A cancelled meeting stays in it, so that who imported it before learns of it."""
    whole = icalendar.Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    for meeting in meetings:
        whole.add_component(_event(meeting))
    text: bytes = whole.to_ical()
    return text


def _event(meeting: Appointment) -> icalendar.Event:
    starts_at = meeting.starts_at.astimezone(UTC)
    there = starts_at.astimezone(ZoneInfo(meeting.time_zone))
    event = icalendar.Event()
    event.add("uid", f"{meeting.meeting_id}@mentoring")
    event.add("dtstamp", meeting.changed_at.astimezone(UTC))
    event.add("dtstart", starts_at)
    event.add("dtend", starts_at + timedelta(minutes=meeting.duration_minutes))
    event.add("summary", meeting.title or "Meeting")
    event.add("description", f"{there:%Y-%m-%d %H:%M} {meeting.time_zone}\n{meeting.video_url}")
    event.add("location", meeting.video_url)
    event.add("url", meeting.video_url)
    event.add("status", "CANCELLED" if meeting.cancelled else "CONFIRMED")
    event.add("sequence", int(meeting.cancelled))
    return event

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import icalendar

from services.messaging.domain.calendar import Appointment, calendar

TEA = UUID("01890000-0000-7000-8000-000000000001")
SCHEDULED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STARTS = datetime(2026, 3, 29, 8, 30, tzinfo=UTC)


def tea(
    title: str | None = "Tea",
    starts_at: datetime = STARTS,
    changed_at: datetime = SCHEDULED,
    cancelled: bool = False,
) -> Appointment:
    return Appointment(TEA, title, starts_at, 30, "Europe/Berlin", "https://video.example/tea", changed_at, cancelled)


def event_in(text: bytes) -> Any:
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return event


def test_a_meeting_reads_as_rfc_5545_wants_it() -> None:
    lines = calendar([tea()]).decode().split("\r\n")
    assert lines[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mentoring//meetings//EN"]
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert {
        f"UID:{TEA}@mentoring",
        "DTSTAMP:20260302T090000Z",
        "DTSTART:20260329T083000Z",
        "DTEND:20260329T090000Z",
        "SUMMARY:Tea",
        "LOCATION:https://video.example/tea",
        "URL:https://video.example/tea",
        "STATUS:CONFIRMED",
        "SEQUENCE:0",
    } <= set(lines)


def test_the_organizers_own_time_is_told_across_the_change_of_the_clock() -> None:
    assert "2026-03-29 10:30 Europe/Berlin" in event_in(calendar([tea()]))["DESCRIPTION"]
    before = event_in(calendar([tea(starts_at=STARTS - timedelta(days=1))]))
    assert "2026-03-28 09:30 Europe/Berlin" in before["DESCRIPTION"]


def test_a_meeting_kept_in_another_zone_is_the_same_meeting() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    assert calendar([tea(starts_at=STARTS.astimezone(kolkata))]) == calendar([tea()])


def test_a_cancelled_meeting_takes_the_place_of_the_one_imported_before() -> None:
    before = event_in(calendar([tea()]))
    after = event_in(calendar([tea(changed_at=SCHEDULED + timedelta(hours=1), cancelled=True)]))
    assert after["UID"] == before["UID"]
    assert (after["STATUS"], after["SEQUENCE"]) == ("CANCELLED", 1)
    assert after["DTSTAMP"].dt == SCHEDULED + timedelta(hours=1)


def test_a_title_cannot_smuggle_in_lines_of_its_own() -> None:
    title = "Tea, cake; \\ and\r\nEND:VEVENT\r\nATTACH:https://evil.example " + "ü" * 100
    event = event_in(calendar([tea(title=title)]))
    assert "ATTACH" not in event
    assert event["SUMMARY"].replace("\r\n", "\n") == title.replace("\r\n", "\n")


def test_an_erased_title_leaves_the_meeting() -> None:
    assert event_in(calendar([tea(title=None)]))["SUMMARY"] == "Meeting"


def test_no_meetings_are_a_calendar_too() -> None:
    assert icalendar.Calendar.from_ical(calendar([])).walk("VEVENT") == []

"""Messages, meetings, goals and files of a relationship."""

import hashlib
from datetime import UTC, datetime, timedelta

import httpx
from icalendar import Calendar, Component

from tests.e2e.api.people import GOAL, Pair, in_days

NOTES = b"# Notes\n"


def test_messages_are_read_in_pages_the_oldest_first(pair: Pair) -> None:
    for text in ("one", "two", "three"):
        pair.post(pair.mentee, "messages", text=text)
    first = pair.mentor.get(f"{pair.path}/messages", limit=2)
    rest = pair.mentor.get(f"{pair.path}/messages", after=first["next"])
    assert [one["text"] for one in first["items"] + rest["items"]] == ["one", "two", "three"]


def test_a_meeting_is_told_in_both_local_times(pair: Pair) -> None:
    starts_at = (datetime.now(UTC) + timedelta(days=3)).replace(hour=15, minute=0, second=0, microsecond=0)
    meeting = pair.post(
        pair.mentee,
        "meetings",
        title="First call",
        starts_at=starts_at.isoformat(),
        duration_minutes=45,
        time_zone="Asia/Kolkata",
    )
    local = {one["person_id"]: one["starts_at"] for one in meeting["local_times"]}
    assert local[pair.mentee.person_id].endswith("T20:30:00+05:30")
    assert (
        datetime.fromisoformat(local[pair.mentor.person_id])
        == datetime.fromisoformat(meeting["starts_at"])
        == starts_at
    )
    assert meeting["video_url"].startswith("https://")
    assert pair.mentor.get(f"{pair.path}/meetings")["items"] == [meeting]


def test_the_calendar_has_the_meeting_and_its_cancellation(pair: Pair) -> None:
    when = {"starts_at": in_days(3), "duration_minutes": 45, "time_zone": "Asia/Kolkata"}
    meeting = pair.post(pair.mentee, "meetings", title="First call", **when)
    [event] = _calendar(pair)
    assert (event["SUMMARY"], event["STATUS"]) == ("First call", "CONFIRMED")
    path = f"/v1/meetings/{meeting['meeting_id']}"
    pair.mentor.refused(412, "DELETE", path, json={"reason": "I am ill"}, headers={"If-Match": '"7"'})
    cancelled = pair.mentor.delete(path, reason="I am ill")
    assert (cancelled["status"], cancelled["reason"], cancelled["version"]) == ("cancelled", "I am ill", 2)
    [event] = _calendar(pair)
    assert event["STATUS"] == "CANCELLED"


def test_a_goal_is_worked_on_until_it_is_reached(pair: Pair) -> None:
    goal = pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])
    path = f"/v1/goals/{goal['goal_id']}"
    assert (goal["status"], goal["progress"], goal["overdue"]) == ("pursued", 0.0, False)
    on_the_way = pair.mentor.post(f"{path}/progress", value=2, note="with Grace")
    assert (on_the_way["progress"], on_the_way["records"][0]["note"]) == (0.4, "with Grace")
    reached = pair.mentee.post(f"{path}/progress", value=5)
    assert (reached["status"], reached["progress"], len(reached["records"])) == ("reached", 1.0, 2)
    assert pair.mentor.get(f"{pair.path}/goals")["items"] == [reached]
    assert (
        pair.mentee.refused(409, "POST", f"{path}/abandonment", json={"reason": "?"})["code"] == "goal_already_reached"
    )


def test_a_goal_is_abandoned_for_a_reason(pair: Pair) -> None:
    goal = pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])
    abandoned = pair.mentee.post(f"/v1/goals/{goal['goal_id']}/abandonment", reason="I have found a job")
    assert (abandoned["status"], abandoned["reason"]) == ("abandoned", "I have found a job")


def test_a_file_goes_to_the_store_and_comes_back(pair: Pair, http: httpx.Client) -> None:
    announced = {"name": "notes.md", "content_type": "text/markdown", "size": len(NOTES)}
    file = pair.post(pair.mentee, "files", **announced, sha256=hashlib.sha256(NOTES).hexdigest())
    path, upload = f"/v1/files/{file['file_id']}", file["upload"]
    assert pair.mentee.refused(409, "POST", f"{path}/completion")["code"] == "upload_incomplete"
    where = httpx.URL(upload["url"]).raw_path.decode()
    http.request(upload["method"], where, headers=upload["headers"], content=NOTES).raise_for_status()
    shared = pair.mentee.post(f"{path}/completion")
    assert (shared["status"], shared["name"]) == ("shared", "notes.md")
    link = pair.mentor.get(f"{path}/download")
    assert http.get(httpx.URL(link["url"]).raw_path.decode()).content == NOTES
    assert pair.mentor.get(f"{pair.path}/files")["items"] == [shared]
    assert pair.mentee.delete(path)["status"] == "withdrawn"
    assert pair.mentor.get(f"{pair.path}/files")["items"] == []
    assert pair.mentor.refused(410, "GET", f"{path}/download")["code"] == "file_gone"


def _calendar(pair: Pair) -> list[Component]:
    answer = pair.mentor.ask("GET", f"{pair.path}/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.text).walk("VEVENT"))

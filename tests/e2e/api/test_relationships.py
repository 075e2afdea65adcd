"""A relationship over the API: what the two decide, what each may see, and how it stood on an earlier day."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.api.people import GOAL, TERMS, Pair, Person, Programme, activate, in_days, new_pair


def test_a_mentee_is_recommended_mentors_with_reasons_the_best_first(programme: Programme) -> None:
    ada = programme.join("ada")
    ranked = ada.get(f"/v1/programs/{programme.program_id}/recommendations")["items"]
    assert [one["external_id"] for one in ranked] == ["grace", "barbara"]
    assert ranked[0]["score"] > ranked[1]["score"]
    assert ranked[0]["score"] == pytest.approx(sum(reason["points"] for reason in ranked[0]["reasons"]))
    assert "Offers reactjs and web" in ranked[0]["reasons"][0]["text"]


def test_who_was_asked_or_is_full_is_not_recommended(programme: Programme) -> None:
    pair = new_pair(programme)
    path = f"/v1/programs/{programme.program_id}/recommendations"
    assert [one["external_id"] for one in pair.mentee.get(path)["items"]] == ["barbara"]
    barbara = programme.join("barbara")
    asked = pair.mentee.post(
        f"/v1/programs/{programme.program_id}/relationships", mentor_id=barbara.person_id, message="And you?"
    )
    pair.post(pair.mentor, "decline", reason="I am on leave.")
    assert [one["external_id"] for one in pair.mentee.get(path)["items"]] == ["grace"]
    barbara.post(f"/v1/relationships/{asked['relationship_id']}/accept")
    pair.mentee.post(f"/v1/relationships/{asked['relationship_id']}/end", reason="It does not fit.")
    assert {one["external_id"] for one in pair.mentee.get(path)["items"]} == {"grace", "barbara"}
    assert pair.mentor.refused(403, "GET", path)["code"] == "mentees_only"


def test_a_request_is_declined_with_a_reason(asked: Pair) -> None:
    declined = asked.post(asked.mentor, "decline", reason="I am on leave until spring.")
    assert (declined["status"], declined["reason"]) == ("declined", "I am on leave until spring.")
    assert asked.mentee.get(asked.path)["reason"] == "I am on leave until spring."


def test_the_mentor_asks_for_more_and_then_accepts(asked: Pair) -> None:
    assert asked.post(asked.mentor, "question", question="How many hours?")["status"] == "info_requested"
    answered = asked.post(asked.mentee, "answer", answer="Six.")
    assert answered["questions"] == [{"question": "How many hours?", "answer": "Six."}]
    assert asked.post(asked.mentor, "accept")["status"] == "accepted"


def test_the_mentee_withdraws(asked: Pair) -> None:
    assert asked.post(asked.mentee, "withdraw")["status"] == "withdrawn"


def test_both_sign_the_counter_proposal(asked: Pair) -> None:
    asked.post(asked.mentor, "accept")
    asked.post(asked.mentee, "proposals", **TERMS)
    countered = asked.post(asked.mentor, "proposals", **{**TERMS, "frequency": "fortnightly"})
    assert (countered["agreement"]["number"], countered["agreement"]["frequency"]) == (2, "fortnightly")
    asked.post(asked.mentee, "signatures", number=2)
    active = asked.post(asked.mentor, "signatures", number=2)
    assert (active["status"], active["agreement"]["signed_by"]) == (
        "active",
        [asked.mentee.person_id, asked.mentor.person_id],
    )


def test_it_is_paused_resumed_concluded_and_completed_with_feedback_from_both(pair: Pair) -> None:
    assert pair.post(pair.mentee, "pause", reason="Exams")["reason"] == "Exams"
    assert pair.post(pair.mentor, "resume")["status"] == "active"
    assert pair.post(pair.mentor, "conclusion")["status"] == "concluding"
    pair.post(pair.mentor, "feedback", rating=5, comment="Ada found her way.")
    done = pair.post(pair.mentee, "feedback", rating=4, comment="Grace asked the right questions.")
    assert done["status"] == "completed"
    assert [(one["rating"], one["comment"]) for one in done["feedback"]] == [
        (5, "Ada found her way."),
        (4, "Grace asked the right questions."),
    ]


def test_what_the_two_do_counts_whichever_service_wrote_it(pair: Pair) -> None:
    pair.post(pair.mentee, "messages", text="Hello")
    meeting = {"title": "Call", "starts_at": in_days(3), "duration_minutes": 30, "time_zone": "Asia/Kolkata"}
    pair.post(pair.mentor, "meetings", **meeting)
    goal = pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])
    pair.mentee.post(f"/v1/goals/{goal['goal_id']}/progress", value=5)
    activity = pair.mentee.get(pair.path)["activity"]
    assert {name: activity[name] for name in ("messages", "meetings", "goals", "goals_reached", "files")} == {
        "messages": 1,
        "meetings": 1,
        "goals": 1,
        "goals_reached": 1,
        "files": 0,
    }


def test_it_is_shown_as_it_stood_on_an_earlier_day(pair: Pair) -> None:
    history = pair.mentee.get(f"{pair.path}/history")["items"]
    accepted = next(event for event in history if event["type"] == "matching.request_accepted")
    pair.post(pair.mentee, "messages", text="Hello")
    then = pair.mentee.get(pair.path, as_of=accepted["recorded_at"])
    assert (then["status"], then["version"], then["agreement"]) == ("accepted", 2, None)
    assert then["activity"]["messages"] == 0
    now = pair.mentee.get(pair.path)
    assert pair.mentee.get(pair.path, as_of=datetime.now(UTC).isoformat()) == now
    assert now["activity"]["messages"] == 1
    before = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    problem = pair.mentee.refused(404, "GET", pair.path, params={"as_of": before})
    assert problem["code"] == "not_yet_begun"
    pair.mentee.refused(422, "GET", pair.path, params={"as_of": "2026-01-01T00:00:00"})


def test_the_history_tells_everything_in_order_and_in_pages(pair: Pair) -> None:
    pair.post(pair.mentor, "messages", text="Hello Ada")
    whole = pair.mentee.get(f"{pair.path}/history")["items"]
    assert [event["type"].split(".")[1] for event in whole] == [
        "mentor_requested",
        "request_accepted",
        "agreement_proposed",
        "agreement_signed",
        "agreement_signed",
        "relationship_activated",
        "conversation_opened",
        "message_posted",
    ]
    assert (whole[-1]["data"]["text"], whole[-1]["actor"]) == ("Hello Ada", pair.mentor.person_id)
    first = pair.mentee.get(f"{pair.path}/history", limit=5)
    rest = pair.mentee.get(f"{pair.path}/history", after=first["next"])
    assert (first["items"] + rest["items"], rest["next"]) == (whole, None)


def test_everyone_lists_their_own(asked: Pair) -> None:
    for one in (asked.mentee, asked.mentor):
        [listed] = one.get("/v1/relationships")["items"]
        assert listed == one.get(asked.path)
    assert asked.programme.coordinator.get("/v1/relationships")["items"] == []
    edsger = asked.programme.join("edsger")
    assert edsger.get("/v1/relationships")["items"] == []


def test_somebody_elses_relationship_is_not_there(pair: Pair) -> None:
    edsger = pair.programme.join("edsger")
    post = {"text": "Hello"}
    for method, path, how in (
        ("GET", "", {}),
        ("GET", "/history", {}),
        ("GET", "/messages", {}),
        ("POST", "/messages", {"json": post}),
        ("GET", "/meetings", {}),
        ("GET", "/calendar.ics", {}),
        ("GET", "/goals", {}),
        ("GET", "/files", {}),
        ("POST", "/accept", {}),
        ("GET", "?as_of=2100-01-01T00:00:00Z", {}),
    ):
        assert edsger.refused(404, method, f"{pair.path}{path}", **how)["code"] == "relationship_unknown"


def test_somebody_elses_goal_file_and_meeting_are_not_there(pair: Pair) -> None:
    edsger = pair.programme.join("edsger")
    goal = pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])["goal_id"]
    file = pair.post(pair.mentee, "files", name="a", content_type="text/plain", size=1, sha256="a" * 64)["file_id"]
    when = {"starts_at": in_days(3), "duration_minutes": 30, "time_zone": "Asia/Kolkata"}
    meeting = pair.post(pair.mentee, "meetings", title="Call", **when)["meeting_id"]
    for method, path, how in (
        ("GET", f"/v1/goals/{goal}", {}),
        ("POST", f"/v1/goals/{goal}/progress", {"json": {"value": 1}}),
        ("GET", f"/v1/files/{file}", {}),
        ("POST", f"/v1/files/{file}/completion", {}),
        ("GET", f"/v1/files/{file}/download", {}),
        ("DELETE", f"/v1/files/{file}", {}),
        ("GET", f"/v1/meetings/{meeting}", {}),
        ("DELETE", f"/v1/meetings/{meeting}", {"json": {"reason": "none"}}),
    ):
        assert edsger.refused(404, method, path, **how)["code"].endswith("_unknown")
        assert pair.programme.coordinator.refused(403, method, path, **how)["code"] == "between_the_two"


def test_another_programmes_people_are_not_there(pair: Pair, coordinator: Person) -> None:
    where = f"/v1/programs/{pair.programme.program_id}"
    assert coordinator.get(where)["role"] == "coordinator"
    assert pair.mentee.get(where)["role"] == "mentee"
    assert pair.mentee.refused(403, "GET", f"{where}/people")["code"] == "coordinators_only"
    assert pair.mentee.refused(403, "POST", f"{where}/invitations", json={})["code"] == "coordinators_only"


def test_the_coordinator_sees_how_it_stands_but_not_what_was_said(pair: Pair) -> None:
    pair.post(pair.mentee, "messages", text="Between us")
    coordinator = pair.programme.coordinator
    [listed] = coordinator.get("/v1/relationships", program_id=pair.programme.program_id)["items"]
    assert listed == coordinator.get(pair.path)
    assert (listed["status"], listed["activity"]["messages"], listed["mentee"]["display_name"]) == ("active", 1, "Ada")
    assert (listed["message"], listed["agreement"]["scope"]) == (None, None)
    history = coordinator.get(f"{pair.path}/history")["items"]
    posted = next(event for event in history if event["type"] == "messaging.message_posted")
    assert posted["data"]["text"] is None
    assert coordinator.refused(403, "GET", f"{pair.path}/messages")["code"] == "between_the_two"


def test_a_coordinator_pages_through_people_and_relationships(programme: Programme) -> None:
    coordinator = programme.coordinator
    activate(new_pair(programme))
    people, after = [], ""
    while True:
        page = coordinator.get(f"/v1/programs/{programme.program_id}/people", limit=3, after=after)
        people += page["items"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [one["external_id"] for one in people] == ["ada", "barbara", "edsger", "grace"]
    ada = people[0]
    assert (ada["timezone"], ada["languages"], ada["wants"]) == ("Asia/Kolkata", ["en", "hi"], ["ui", "reactjs", "web"])
    assert [one["signed_up_at"] is not None for one in people] == [True, False, False, True]
    problem = coordinator.refused(422, "GET", f"/v1/programs/{programme.program_id}/people", params={"after": "%%"})
    assert problem["code"] == "cursor_malformed"

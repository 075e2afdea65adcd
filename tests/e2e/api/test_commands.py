"""How commands are carried out once, on what was read, and answered with their effect."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from services.gateway import caller
from services.gateway.following import Progress
from tests.e2e.api.people import GOAL, TERMS, Pair, Person, Programme, in_days


def test_what_was_made_is_answered_with_its_place(asked: Pair) -> None:
    answer = asked.programme.coordinator.ask("POST", "/v1/programs", json={"name": "Another"})
    assert answer.status_code == 201
    assert asked.programme.coordinator.get(answer.headers["location"])["name"] == "Another"


def test_the_same_key_has_its_effect_once_and_gets_the_first_answer(pair: Pair) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (
        pair.mentee.ask("POST", f"{pair.path}/messages", json={"text": "Hello"}, headers=key) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len(pair.mentee.get(f"{pair.path}/messages")["items"]) == 1


def test_the_same_key_for_something_else_is_refused(pair: Pair) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    pair.mentee.ask("POST", f"{pair.path}/messages", json={"text": "Hello"}, headers=key)
    problem = pair.mentee.refused(409, "POST", f"{pair.path}/messages", json={"text": "Good bye"}, headers=key)
    assert problem["code"] == "command_reused"


def test_the_same_key_of_somebody_else_is_another_command(pair: Pair) -> None:
    key = {"Idempotency-Key": "hello"}
    for one in (pair.mentee, pair.mentor):
        assert one.ask("POST", f"{pair.path}/messages", json={"text": "Hello"}, headers=key).status_code == 201
    assert len(pair.mentee.get(f"{pair.path}/messages")["items"]) == 2


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("messages", {"text": "Hello"}),
        ("goals", {**GOAL, "due": in_days(90)[:10]}),
        ("meetings", {"title": "Call", "starts_at": in_days(3), "duration_minutes": 30, "time_zone": "Asia/Kolkata"}),
        ("files", {"name": "a.md", "content_type": "text/markdown", "size": 1, "sha256": "a" * 64}),
    ],
)
def test_everything_that_is_made_is_made_once(pair: Pair, what: str, body: dict[str, object]) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    for _ in range(2):
        assert pair.mentee.ask("POST", f"{pair.path}/{what}", json=body, headers=key).status_code == 201
    assert len(pair.mentee.get(f"{pair.path}/{what}")["items"]) == 1


def test_a_mentor_is_requested_once_under_one_key(programme: Programme) -> None:
    ada, grace = programme.join("ada"), programme.join("grace")
    path, body = (
        f"/v1/programs/{programme.program_id}/relationships",
        {"mentor_id": grace.person_id, "message": "Hello"},
    )
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (ada.ask("POST", path, json=body, headers=key) for _ in range(2))
    assert (first.status_code, first.json()) == (201, again.json())
    assert ada.refused(409, "POST", path, json=body)["code"] == "already_requested"


def test_a_decision_on_what_is_no_longer_so_is_refused(asked: Pair) -> None:
    read = asked.mentor.ask("GET", asked.path).headers["etag"]
    assert read == '"1"'
    asked.post(asked.mentor, "question", question="How many hours a week?")
    problem = asked.mentor.refused(412, "POST", f"{asked.path}/accept", headers={"If-Match": read})
    assert problem["code"] == "stale"
    now = asked.mentor.ask("GET", asked.path).headers["etag"]
    accepted = asked.mentor.ask("POST", f"{asked.path}/accept", headers={"If-Match": now})
    assert (accepted.json()["status"], accepted.headers["etag"]) == ("accepted", '"3"')


def test_an_if_match_that_is_no_version_is_refused(asked: Pair) -> None:
    problem = asked.mentor.refused(422, "POST", f"{asked.path}/accept", headers={"If-Match": '"abc"'})
    assert problem["code"] == "request_invalid"


def test_what_the_views_do_not_show_yet_is_accepted(
    pair: Pair, behind: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "PATIENCE_SECONDS", 0.1)
    ada = behind(pair.mentee, progress=Progress())
    answer = ada.ask("POST", f"{pair.path}/messages", json={"text": "Hello"})
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["location"] == answer.headers["location"] == f"{pair.path}/messages"
    [message] = pair.mentee.get(accepted["location"])["items"]
    assert message["position"] == accepted["position"]


def test_a_domains_refusal_comes_through_with_its_facts(pair: Pair) -> None:
    problem = pair.mentee.refused(422, "POST", f"{pair.path}/goals", json={"title": "Get better at interviews"})
    assert problem["code"] == "goal_not_smart"
    assert {"M", "R", "T"} <= set(problem["facts"])
    problem = pair.mentee.refused(409, "POST", f"{pair.path}/proposals", json=TERMS)
    assert problem["code"] == "agreement_settled"


def test_who_may_see_it_but_not_do_it_is_forbidden(asked: Pair) -> None:
    assert asked.mentee.refused(403, "POST", f"{asked.path}/accept")["code"] == "mentors_only"
    coordinator: Person = asked.programme.coordinator
    assert coordinator.refused(403, "POST", f"{asked.path}/accept")["code"] == "between_the_two"

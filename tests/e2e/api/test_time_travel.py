"""Whatever two people do: as it stood at any event, a relationship is the fold of what had happened until then, and
what was shown then.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.gateway.app import Gateway
from services.gateway.summary import RelationshipSummary, fold
from shared.log import Recorded
from tests.e2e.api.people import GOAL, TERMS, Pair, Person, activate, in_days, new_pair, new_programme

Step = Callable[[Pair, Person], tuple[str, dict[str, Any]]]

MEETING = {"title": "Call", "duration_minutes": 30, "time_zone": "Asia/Kolkata"}
STEPS: list[Step] = [
    lambda pair, who: ("messages", {"text": "Hello"}),
    lambda pair, who: ("meetings", {**MEETING, "starts_at": in_days(3)}),
    lambda pair, who: ("goals", {**GOAL, "due": in_days(90)[:10]}),
    lambda pair, who: (f"{_latest_goal(pair)}/progress", {"value": 5}),
    lambda pair, who: (f"{_latest_goal(pair)}/abandonment", {"reason": "Another way"}),
    lambda pair, who: ("files", {"name": "a", "content_type": "text/plain", "size": 1, "sha256": "a" * 64}),
    lambda pair, who: ("pause", {"reason": "Exams"}),
    lambda pair, who: ("resume", {}),
    lambda pair, who: ("conclusion", {}),
    lambda pair, who: ("feedback", {"rating": 4, "comment": "Thank you"}),
    lambda pair, who: ("end", {"reason": "A new city"}),
]
BEFORE: list[Step] = [
    lambda pair, who: ("question", {"question": "How many hours?"}),
    lambda pair, who: ("answer", {"answer": "Six."}),
    lambda pair, who: ("accept", {}),
    lambda pair, who: ("proposals", TERMS),
    lambda pair, who: ("signatures", {"number": 1}),
    lambda pair, who: ("signatures", {"number": 2}),
    lambda pair, who: ("decline", {"reason": "No time"}),
    lambda pair, who: ("withdraw", {}),
]
TAKEN = st.tuples(st.booleans(), st.sampled_from([*STEPS, *STEPS[:6]]))
TAKEN_BEFORE = st.tuples(st.booleans(), st.sampled_from([*BEFORE[:-2] * 2, *BEFORE]))


@pytest.fixture
def gateway(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


@settings(
    max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.booleans(), st.lists(TAKEN_BEFORE, max_size=12), st.lists(TAKEN, max_size=16))
def test_at_every_event_it_is_the_fold_of_the_prefix_and_what_was_shown(
    coordinator: Person,
    gateway: Gateway,
    agreed: bool,
    before: list[tuple[bool, Step]],
    together: list[tuple[bool, Step]],
) -> None:
    pair = new_pair(new_programme(coordinator))
    shown = [pair.mentee.get(pair.path)]
    if agreed:
        shown.append(activate(pair).mentee.get(pair.path))
    for by_mentor, step in together if agreed else before:
        who = pair.mentor if by_mentor else pair.mentee
        what, body = step(pair, who)
        answer = who.ask("POST", what if what.startswith("/") else f"{pair.path}/{what}", json=body)
        assert answer.status_code < 500, answer.text  # refused or not, as it comes
        shown.append(pair.mentee.get(pair.path))
    history = gateway.log.of_subject(UUID(shown[0]["relationship_id"]))
    for number, event in enumerate(history, start=1):
        then = pair.mentee.get(pair.path, at_position=event.position)
        assert _told(then) == _folded(history[:number])
        by_then = [one for one in history if one.recorded_at <= event.recorded_at]
        assert _told(pair.mentee.get(pair.path, as_of=event.recorded_at.isoformat())) == _folded(by_then)
    for one in shown:
        assert pair.mentee.get(pair.path, at_position=one["position"]) == one


def test_before_it_began_there_is_nothing(pair: Pair, gateway: Gateway) -> None:
    begun = gateway.log.of_subject(UUID(pair.mentee.get(pair.path)["relationship_id"]))[0].position
    assert pair.mentee.get(pair.path, at_position=begun)["status"] == "proposed"
    problem = pair.mentee.refused(404, "GET", pair.path, params={"at_position": begun - 1})
    assert problem["code"] == "not_yet_begun"


def test_a_time_and_a_position_at_once_are_refused(pair: Pair) -> None:
    both = {"as_of": in_days(0), "at_position": 7}
    assert pair.mentee.refused(422, "GET", pair.path, params=both)["code"] == "one_moment"
    assert pair.mentee.get(pair.path, at_position=10**12) == pair.mentee.get(pair.path)


def _latest_goal(pair: Pair) -> str:
    goals = pair.mentee.get(f"{pair.path}/goals")["items"]
    return f"/v1/goals/{goals[-1]['goal_id']}" if goals else "/v1/goals/00000000-0000-0000-0000-000000000000"


def _told(answer: dict[str, Any]) -> tuple[Any, ...]:
    feedback, proposal = len(answer["feedback"]), answer["agreement"]
    signed = proposal and proposal["signed_by"]
    return answer["status"], answer["version"], answer["position"], answer["activity"]["messages"], feedback, signed


def _folded(history: list[Recorded]) -> tuple[Any, ...]:
    summary = fold(history)
    assert isinstance(summary, RelationshipSummary)
    about, status = summary.state.about, summary.state.status
    signed = [str(one) for one in about.proposals[-1].signed_by] if about.proposals else None
    return status, summary.version, summary.position, summary.activity.messages, len(about.feedback), signed

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.goals.commands import AbandonGoal, RecordProgress
from services.goals.domain import Known, Phase, is_overdue, progress
from services.goals.domain.deciding import (
    GoalAlreadyAbandoned,
    GoalAlreadyReached,
    GoalAlreadySet,
    GoalNotFound,
    GoalNotSmart,
    RelationshipNotActive,
    RelationshipNotFound,
    RelationshipOver,
)
from services.goals.domain.goal import Abandoned, Pursued, Reached
from services.goals.events import GoalAbandoned, GoalReached, ProgressRecorded
from services.goals.service import GOAL
from shared.service import Asker
from tests.scenario import Scenario
from tests.unit.goals.people import ADA, DUE, EVE, GOAL_ID, GRACE, NOW, RELATIONSHIP, goal_set, known, set_goal

goal = Scenario(GOAL, known=known())
running = goal.given(goal_set())

AT_WORK = [Phase.ACTIVE, Phase.PAUSED, Phase.CONCLUDING]


def record(value: float, note: str = "") -> RecordProgress:
    return RecordProgress(goal_id=GOAL_ID, value=value, note=note, at=NOW)


def recorded(value: float, by: UUID = GRACE, note: str = "") -> ProgressRecorded:
    return ProgressRecorded(goal_id=GOAL_ID, relationship_id=RELATIONSHIP, recorded_by=by, value=value, note=note)


def reached(value: float) -> GoalReached:
    return GoalReached(goal_id=GOAL_ID, relationship_id=RELATIONSHIP, value=value)


give_up = AbandonGoal(goal_id=GOAL_ID, reason="My knee", at=NOW)
given_up = GoalAbandoned(goal_id=GOAL_ID, relationship_id=RELATIONSHIP, abandoned_by=GRACE, reason="My knee")


def test_grace_sets_a_goal_which_starts_at_its_baseline() -> None:
    state = goal.when(set_goal()).then(goal_set()).state()
    assert isinstance(state, Pursued)
    assert state.value == state.plan.baseline == 2
    assert (state.plan.title, state.plan.unit, state.plan.target, state.plan.due) == (
        "Run ten kilometres",
        "km",
        10,
        DUE,
    )


def test_a_goal_that_ada_writes_down_is_graces() -> None:
    goal.knowing(known(ADA)).when(set_goal()).then(goal_set(set_by=ADA, mentee_id=GRACE))


def test_eve_does_not_even_learn_that_there_is_a_relationship() -> None:
    for phase in Phase:
        goal.knowing(known(EVE, phase)).when(set_goal()).refuses(RelationshipNotFound)


def test_no_goal_is_set_in_a_relationship_that_nobody_heard_of() -> None:
    goal.knowing(Known(Asker(str(GRACE)), None)).when(set_goal()).refuses(RelationshipNotFound)


def test_nobody_sets_a_goal_without_signing_in() -> None:
    goal.knowing(Known(Asker(), known().relationship)).when(set_goal()).refuses(RelationshipNotFound)


@pytest.mark.parametrize("phase", [Phase.AGREEING, Phase.PAUSED, Phase.OVER])
def test_no_goal_is_set_unless_the_relationship_is_active(phase: Phase) -> None:
    refusal = goal.knowing(known(GRACE, phase)).when(set_goal()).refuses(RelationshipNotActive)
    assert refusal.code == "relationship_not_active"


def test_a_relationship_that_concludes_still_takes_a_goal() -> None:
    goal.knowing(known(GRACE, Phase.CONCLUDING)).when(set_goal()).then(goal_set())


def test_a_goal_that_is_not_smart_is_refused_with_a_reason_per_letter() -> None:
    refusal = goal.when(set_goal(measure="", due=None)).refuses(GoalNotSmart)
    assert refusal.code == "goal_not_smart"
    assert set(refusal.facts) == {"M", "T"}
    assert all(isinstance(reason, str) and reason for reason in refusal.facts.values())


def test_a_goals_id_serves_one_goal() -> None:
    running.when(set_goal(title="Run a marathon")).refuses(GoalAlreadySet)
    running.given(given_up).when(set_goal()).refuses(GoalAlreadySet)


@pytest.mark.parametrize("phase", AT_WORK)
@pytest.mark.parametrize("person", [ADA, GRACE])
def test_both_record_progress_also_through_a_pause(person: UUID, phase: Phase) -> None:
    state = (
        running.knowing(known(person, phase)).when(record(5, "Longer!")).then(recorded(5, person, "Longer!")).state()
    )
    assert isinstance(state, Pursued)
    assert state.value == 5


def test_progress_may_go_backwards() -> None:
    running.given(recorded(5)).when(record(1)).then(recorded(1))


@pytest.mark.parametrize("value", [10, 12])
def test_a_goal_is_reached_when_its_target_is_met_or_passed(value: float) -> None:
    state = running.when(record(value)).then(recorded(value), reached(value)).state()
    assert isinstance(state, Reached)
    assert state.value == value


def test_a_goal_that_is_to_fall_is_reached_from_above() -> None:
    slimming = goal.given(goal_set(baseline=90, target=80))
    slimming.when(record(81)).then(recorded(81))
    slimming.when(record(95)).then(recorded(95))
    slimming.when(record(80)).then(recorded(80), reached(80))
    slimming.when(record(79)).then(recorded(79), reached(79))


def test_nothing_more_is_done_about_a_goal_that_is_reached() -> None:
    done = running.given(recorded(10), reached(10))
    done.when(record(11)).refuses(GoalAlreadyReached)
    done.when(give_up).refuses(GoalAlreadyReached)


def test_grace_gives_a_goal_up() -> None:
    state = running.given(recorded(3)).when(give_up).then(given_up).state()
    assert isinstance(state, Abandoned)
    assert (state.value, state.abandoned_by, state.reason) == (3, GRACE, "My knee")


def test_nothing_more_is_done_about_a_goal_that_was_given_up() -> None:
    running.given(given_up).when(record(10)).refuses(GoalAlreadyAbandoned)
    running.given(given_up).when(give_up).refuses(GoalAlreadyAbandoned)


def test_a_goal_stays_as_it_is_when_the_relationship_is_over() -> None:
    over = running.knowing(known(GRACE, Phase.OVER))
    over.when(record(10)).refuses(RelationshipOver)
    over.when(give_up).refuses(RelationshipOver)


def test_eve_finds_no_goal() -> None:
    running.knowing(known(EVE)).when(record(10)).refuses(GoalNotFound)
    running.knowing(known(EVE)).when(give_up).refuses(GoalNotFound)


def test_a_goal_that_was_never_set_is_not_found() -> None:
    goal.knowing(Known(Asker(str(GRACE)), None)).when(record(10)).refuses(GoalNotFound)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e13, -1e13])
def test_a_measure_is_a_number_that_can_be_reckoned_with(value: float) -> None:
    with pytest.raises(ValidationError):
        record(value)


def test_a_goal_is_given_up_for_a_reason() -> None:
    with pytest.raises(ValidationError):
        AbandonGoal(goal_id=GOAL_ID, reason="  ", at=NOW)


@pytest.mark.parametrize(
    ("baseline", "target", "value", "done"),
    [
        (2, 10, 2, 0.0),
        (2, 10, 6, 0.5),
        (2, 10, 10, 1.0),
        (2, 10, 1, 0.0),
        (2, 10, 99, 1.0),
        (90, 80, 85, 0.5),
        (90, 80, 95, 0.0),
        (90, 80, 70, 1.0),
    ],
)
def test_progress_is_the_share_of_the_way(baseline: float, target: float, value: float, done: float) -> None:
    assert progress(baseline, target, value) == done


measures = st.floats(-1e12, 1e12)


@given(measures, measures, measures)
def test_progress_is_a_share_whatever_the_measures(baseline: float, target: float, value: float) -> None:
    if baseline != target:
        assert 0.0 <= progress(baseline, target, value) <= 1.0
        assert progress(baseline, target, target) == 1.0
        assert progress(baseline, target, baseline) == 0.0


def test_a_goal_is_overdue_from_the_day_after_its_due_date() -> None:
    assert not is_overdue(DUE, today=DUE)
    assert is_overdue(DUE, today=DUE + timedelta(days=1))
    assert not is_overdue(DUE, today=date(2026, 1, 1))

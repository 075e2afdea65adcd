from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.goals.commands import RecordProgress, SetGoal
from services.goals.directory import RELATIONSHIPS, relationship
from services.goals.domain import Phase, Relationship
from services.goals.domain.deciding import (
    GoalNotFound,
    RelationshipNotActive,
    RelationshipNotFound,
    RelationshipOver,
)
from services.goals.domain.goal import Pursued, Reached
from services.goals.service import GOAL
from services.matching.events import (
    ConclusionBegun,
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipEnded,
    RelationshipPaused,
    RelationshipResumed,
    RequestAccepted,
)
from shared import clock
from shared.ids import new_id
from shared.messages import Event, Sealed
from shared.projection import Projection, catch_up
from shared.service import Done
from tests.hosted import Hosted
from tests.unit.goals.people import ADA, EVE, GRACE, RELATIONSHIP, RUNNING

PROGRAM = uuid4()
ACCEPTED = RequestAccepted(relationship_id=RELATIONSHIP, mentor_id=ADA, mentee_id=GRACE)
ACTIVATED = RelationshipActivated(relationship_id=RELATIONSHIP, mentor_id=ADA, mentee_id=GRACE)
PAUSED = RelationshipPaused(relationship_id=RELATIONSHIP, paused_by=ADA, reason="Parental leave")
RESUMED = RelationshipResumed(relationship_id=RELATIONSHIP, resumed_by=ADA)
CONCLUDING = ConclusionBegun(relationship_id=RELATIONSHIP, begun_by=GRACE)
COMPLETED = RelationshipCompleted(relationship_id=RELATIONSHIP)
ENDED = RelationshipEnded(relationship_id=RELATIONSHIP, ended_by=GRACE, reason="Moving away")


def set_goal(hosted: Hosted, by: UUID = GRACE) -> UUID:
    goal_id, today = new_id(), clock.now().date()
    plan = {**RUNNING, "due": today + timedelta(days=90)}
    wish = SetGoal.model_validate(
        {"goal_id": goal_id, "relationship_id": RELATIONSHIP, "at": clock.now(), **plan}, strict=False
    )
    hosted.send(wish, by, program=PROGRAM)
    return goal_id


def record(hosted: Hosted, goal_id: UUID, value: float, by: UUID = GRACE) -> Done:
    return hosted.send(RecordProgress(goal_id=goal_id, value=value, note="Done!", at=clock.now()), by)


def tell(hosted: Hosted, *events: Event) -> None:
    for event in events:
        hosted.told(event, program=PROGRAM)


@pytest.mark.parametrize(
    ("history", "phase"),
    [
        ([ACCEPTED], Phase.AGREEING),
        ([ACCEPTED, ACTIVATED], Phase.ACTIVE),
        ([ACCEPTED, ACTIVATED, PAUSED], Phase.PAUSED),
        ([ACCEPTED, ACTIVATED, PAUSED, RESUMED], Phase.ACTIVE),
        ([ACCEPTED, ACTIVATED, CONCLUDING], Phase.CONCLUDING),
        ([ACCEPTED, ACTIVATED, CONCLUDING, COMPLETED], Phase.OVER),
        ([ACCEPTED, ENDED], Phase.OVER),
    ],
)
def test_the_directory_follows_the_relationship(hosted: Hosted, history: list[Event], phase: Phase) -> None:
    tell(hosted, *history)
    assert relationship(RELATIONSHIP, hosted.runtime.reader) == Relationship(ADA, GRACE, phase)
    [row] = hosted.runtime.reader.where(RELATIONSHIPS, program=PROGRAM)
    assert row["relationship_id"] == RELATIONSHIP


def test_a_relationship_that_never_began_is_not_in_the_directory(hosted: Hosted) -> None:
    tell(hosted, PAUSED, ENDED)
    assert relationship(RELATIONSHIP, hosted.runtime.reader) is None


def test_the_directory_rebuilt_equals_the_live_one(hosted: Hosted) -> None:
    tell(hosted, ACCEPTED, ACTIVATED, PAUSED)
    live = hosted.runtime.directory
    beside: Projection = live.beside("_beside")
    with hosted.runtime.database.begin() as connection:
        beside.install(connection)
        list(catch_up(beside, connection, hosted.log, hosted.log.head().position))
        assert beside.digests(connection) == live.digests(connection)


def test_goals_refuses_work_until_it_hears_that_the_relationship_is_active(hosted: Hosted) -> None:
    with pytest.raises(RelationshipNotFound):
        set_goal(hosted)
    tell(hosted, ACCEPTED)
    with pytest.raises(RelationshipNotActive):
        set_goal(hosted)
    with pytest.raises(RelationshipNotFound):
        set_goal(hosted, by=EVE)
    tell(hosted, ACTIVATED)
    state, version = hosted.runtime.load(GOAL, set_goal(hosted))
    assert isinstance(state, Pursued)
    assert version == 1


def test_a_goal_stands_sealed_in_the_log_under_its_relationship(hosted: Hosted) -> None:
    tell(hosted, ACTIVATED)
    goal_id = set_goal(hosted, by=ADA)
    recorded = hosted.log.streams([f"goal-{goal_id}"])[f"goal-{goal_id}"][0]
    assert (recorded.subject, recorded.program) == (RELATIONSHIP, PROGRAM)
    assert "kilometres" not in recorded.data
    state, _ = hosted.runtime.load(GOAL, goal_id)
    assert isinstance(state, Pursued)
    assert isinstance(state.plan.title, Sealed)
    assert hosted.vault.reveal(state.plan.title) == "Run ten kilometres"
    hosted.vault.erase(ADA)
    assert hosted.vault.reveal(state.plan.title) == "Run ten kilometres"
    hosted.vault.erase(GRACE)
    assert hosted.vault.reveal(state.plan.title) is None


def test_the_two_reach_the_goal_while_the_relationship_concludes(hosted: Hosted) -> None:
    tell(hosted, ACTIVATED)
    goal_id = set_goal(hosted)
    record(hosted, goal_id, 5, by=ADA)
    tell(hosted, CONCLUDING)
    assert record(hosted, goal_id, 10).version == 4
    assert isinstance(hosted.runtime.load(GOAL, goal_id)[0], Reached)


@pytest.mark.parametrize("over", [COMPLETED, ENDED], ids=lambda event: event.type)
def test_goals_refuses_work_when_it_hears_that_the_relationship_is_over(hosted: Hosted, over: Event) -> None:
    tell(hosted, ACTIVATED)
    goal_id = set_goal(hosted)
    tell(hosted, over)
    with pytest.raises(RelationshipOver):
        record(hosted, goal_id, 5)
    with pytest.raises(RelationshipNotActive):
        set_goal(hosted)


def test_progress_on_a_goal_that_is_unknown_or_somebody_elses_is_not_found(hosted: Hosted) -> None:
    tell(hosted, ACTIVATED)
    goal_id = set_goal(hosted)
    for goal, person in ((goal_id, EVE), (new_id(), GRACE)):
        with pytest.raises(GoalNotFound):
            record(hosted, goal, 5, by=person)

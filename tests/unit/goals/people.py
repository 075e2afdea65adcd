"""Ada mentors Grace, who wants to run; Eve has nothing to do with them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from services.goals.commands import SetGoal
from services.goals.domain import Known, Phase, Relationship
from services.goals.events import GoalSet
from shared.service import Asker

ADA, GRACE, EVE = uuid4(), uuid4(), uuid4()
RELATIONSHIP, GOAL_ID = uuid4(), uuid4()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DUE = date(2026, 6, 30)

RUNNING = {
    "title": "Run ten kilometres",
    "measure": "Longest run",
    "unit": "km",
    "baseline": 2,
    "target": 10,
    "relevance": "I want to run with my daughter",
    "due": DUE,
}


def known(person: UUID = GRACE, phase: Phase = Phase.ACTIVE) -> Known:
    return Known(Asker(str(person)), Relationship(mentor_id=ADA, mentee_id=GRACE, phase=phase))


def set_goal(**other: Any) -> SetGoal:
    wish: dict[str, Any] = {"goal_id": GOAL_ID, "relationship_id": RELATIONSHIP, "at": NOW, **RUNNING, **other}
    return SetGoal(**wish)


def goal_set(**other: Any) -> GoalSet:
    fact: dict[str, Any] = {
        "goal_id": GOAL_ID,
        "relationship_id": RELATIONSHIP,
        "mentee_id": GRACE,
        "set_by": GRACE,
        **RUNNING,
        **other,
    }
    return GoalSet(**fact)

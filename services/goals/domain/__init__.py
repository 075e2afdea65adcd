"""What goals decides, and why it refuses: pure."""

from services.goals.domain.deciding import GoalCommand, Known, Phase, Relationship, decide
from services.goals.domain.goal import Goal, NotSet, evolve, is_overdue, progress
from services.goals.domain.smart import check_smart

__all__ = [
    "Goal",
    "GoalCommand",
    "Known",
    "NotSet",
    "Phase",
    "Relationship",
    "check_smart",
    "decide",
    "evolve",
    "is_overdue",
    "progress",
]

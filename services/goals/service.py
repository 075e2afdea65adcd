"""Goals as they are put together."""

from services.goals import events, heard
from services.goals.commands import AbandonGoal, RecordProgress, SetGoal
from services.goals.directory import RELATIONSHIPS, relationship
from services.goals.domain import Goal, GoalCommand, Known, NotSet, decide, evolve
from shared.parts import Parts
from shared.runtime import Reader
from shared.service import Aggregate, Asker, Service


def _know(command: GoalCommand, asker: Asker, reader: Reader) -> Known:
    if isinstance(command, SetGoal):
        return Known(asker, relationship(command.relationship_id, reader))
    goal = reader.state(GOAL, command.goal_id)
    return Known(asker, None if isinstance(goal, NotSet) else relationship(goal.plan.relationship_id, reader))


GOAL: Aggregate[Goal] = Aggregate(
    category="goal",
    initial=NotSet(),
    evolve=evolve,
    decide=decide,
    commands={kind: lambda command: command.goal_id for kind in (SetGoal, RecordProgress, AbandonGoal)},
    know=_know,
    subject=lambda event: event.relationship_id,
)


def assemble(parts: Parts) -> Service:
    return Service(name="goals", events=events, aggregates=[GOAL], heard=[heard], directory=[RELATIONSHIPS])

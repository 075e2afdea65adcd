"""What goals can be asked to do."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.messages import Command

Text = Annotated[str, Field(max_length=500)]
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class SetGoal(Command):
    """What a SMART goal lacks is refused with a reason per letter, so every part may be left out here.

    `title` is what exactly (S); `measure`, `unit`, `baseline` and `target` how it is measured (M, A); `relevance` what
    it is for (R); `due` by when (T).
    """

    goal_id: UUID
    relationship_id: UUID
    title: Text = ""
    measure: Text = ""
    unit: Annotated[str, Field(max_length=40)] = ""
    baseline: Number | None = None
    target: Number | None = None
    relevance: Text = ""
    due: date | None = None


class RecordProgress(Command):
    """The measure's `value` as it now stands. The goal is reached when it meets the target."""

    goal_id: UUID
    value: Number
    note: Text = ""


class AbandonGoal(Command):
    goal_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500)]

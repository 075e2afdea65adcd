"""When a goal is SMART: specific, measurable, achievable, relevant and time-bound."""

from datetime import UTC, timedelta
from unicodedata import east_asian_width

from services.goals.commands import SetGoal

SHORTEST_TITLE = 8
FARTHEST_DUE = timedelta(days=5 * 365 + 1)


def check_smart(command: SetGoal) -> dict[str, str]:
    """Letter → what is wrong with it; empty for a goal that is SMART."""
    reasons = {
        "S": _not_specific(command),
        "M": _not_measurable(command),
        "A": _not_achievable(command),
        "R": _not_relevant(command),
        "T": _not_time_bound(command),
    }
    return {letter: reason for letter, reason in reasons.items() if reason}


def _not_specific(command: SetGoal) -> str | None:
    if _width(command.title) >= SHORTEST_TITLE:
        return None
    return "Specific: say in a few words what exactly is to be reached (title)."


def _not_measurable(command: SetGoal) -> str | None:
    missing = [name for name in ("measure", "unit", "baseline", "target") if getattr(command, name) in ("", None)]
    return f"Measurable: say how it is measured, from where to where ({', '.join(missing)})." if missing else None


def _not_achievable(command: SetGoal) -> str | None:
    if command.baseline is None or command.baseline != command.target:
        return None
    return "Achievable: the target is where things stand already (baseline, target)."


def _not_relevant(command: SetGoal) -> str | None:
    return None if command.relevance else "Relevant: say what it is good for (relevance)."


def _not_time_bound(command: SetGoal) -> str | None:
    today = command.at.astimezone(UTC).date()
    if command.due is None:
        return "Time-bound: say by when (due)."
    if command.due <= today:
        return "Time-bound: this day is not ahead (due)."
    if command.due - today > FARTHEST_DUE:
        return "Time-bound: this day is more than five years ahead (due)."
    return None


def _width(text: str) -> int:
    """A Chinese character says as much as two Latin ones."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)

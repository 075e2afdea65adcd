from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from services.goals.domain import check_smart
from tests.unit.goals.people import GOAL_ID, NOW, RELATIONSHIP, set_goal


def test_graces_goal_is_smart() -> None:
    assert check_smart(set_goal()) == {}


def test_a_goal_of_nothing_but_hope_fails_on_every_letter_that_can_be_judged() -> None:
    hope = type(set_goal())(goal_id=GOAL_ID, relationship_id=RELATIONSHIP, at=NOW)
    assert check_smart(hope) == {
        "S": "Specific: say in a few words what exactly is to be reached (title).",
        "M": "Measurable: say how it is measured, from where to where (measure, unit, baseline, target).",
        "R": "Relevant: say what it is good for (relevance).",
        "T": "Time-bound: say by when (due).",
    }


@pytest.mark.parametrize(
    ("letter", "other"),
    [
        ("S", {"title": "Run"}),
        ("S", {"title": "   Run    "}),
        ("M", {"measure": ""}),
        ("M", {"measure": "  "}),
        ("M", {"unit": ""}),
        ("M", {"baseline": None}),
        ("M", {"target": None}),
        ("A", {"target": 2}),
        ("R", {"relevance": " "}),
        ("T", {"due": None}),
        ("T", {"due": date(2026, 3, 1)}),
        ("T", {"due": date(2026, 3, 2)}),
        ("T", {"due": date(2031, 3, 3)}),
        ("T", {"due": date.max}),
    ],
)
def test_what_is_missing_is_told_by_its_letter_alone(letter: str, other: dict[str, Any]) -> None:
    assert list(check_smart(set_goal(**other))) == [letter]


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Learn Go"},
        {"title": "通过认证"},
        {"baseline": 0, "target": -1},
        {"due": date(2026, 3, 3)},
        {"due": date(2031, 3, 2)},
    ],
)
def test_what_is_just_enough_is_enough(other: dict[str, Any]) -> None:
    assert check_smart(set_goal(**other)) == {}


def test_only_the_missing_part_of_a_measure_is_named() -> None:
    assert check_smart(set_goal(unit=""))["M"].endswith("(unit).")


def test_today_is_the_day_it_is_in_utc() -> None:
    late_in_honolulu = NOW.replace(hour=3).astimezone(timezone(timedelta(hours=-10)))
    assert late_in_honolulu.date() < NOW.date()
    assert list(check_smart(set_goal(at=late_in_honolulu, due=NOW.date()))) == ["T"]


def test_a_leap_years_five_years_are_enough() -> None:
    leap = datetime(2028, 2, 29, tzinfo=NOW.tzinfo)
    assert check_smart(set_goal(at=leap, due=date(2033, 2, 28))) == {}

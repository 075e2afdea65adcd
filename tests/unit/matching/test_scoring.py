"""Who is recommended to Ada, in which order, and why."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.scoring import Candidate, Profile, Reason, candidate, obstacle, profile, rank
from services.matching.domain.tags import normal, skills_of

WINTER, SUMMER = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 7, 1, 9, tzinfo=UTC)
FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))


def ada(wants: str = "react", languages: str = "en", timezone: str = "Europe/London") -> Profile:
    return profile(wants=wants.split(";"), languages=languages.split(";"), timezone=timezone)


def grace(
    skills: str = "react",
    languages: str = "en",
    timezone: str = "Europe/London",
    free: int = 1,
    capacity: int = 1,
    mentor_id: UUID = FIRST,
) -> Candidate:
    return candidate(
        mentor_id=mentor_id,
        skills=skills.split(";"),
        languages=languages.split(";"),
        timezone=timezone,
        capacity=capacity,
        free=free,
    )


def reason(part: str, mentee: Profile, mentor: Candidate, moment: datetime = WINTER) -> Reason:
    (recommendation,) = rank(mentee, [mentor], moment)
    return next(reason for reason in recommendation.reasons if reason.part == part)


@pytest.mark.parametrize(
    "same",
    [
        ("js", "javascript", "JavaScript", " JS "),
        ("react", "reactjs", "React.js", "REACT JS"),
        ("node", "nodejs", "node.js"),
        ("vue", "vuejs", "Vue.JS"),
        ("frontend", "front-end", "Front end"),
        (".net", "dotnet", "dotnet core", ".netcore"),
        ("c#", "c-sharp", "C#"),
        ("c++", "cpp"),
        ("a11y", "accessibility"),
        ("rails", "ruby on rails"),
        ("go", "golang"),
    ],
)
def test_what_means_the_same_is_the_same(same: tuple[str, ...]) -> None:
    assert len({normal(tag) for tag in same}) == 1


def test_what_means_something_else_stays_apart() -> None:
    assert len({normal(tag) for tag in ("c", "c#", "c++", "java", "javascript", "react", "react native")}) == 7


def test_one_tag_may_name_two_skills_or_none() -> None:
    assert normal("ux/ui") == ("ux", "ui")
    assert normal(" - ") == ()


def test_who_knows_react_knows_something_of_javascript_and_frontend() -> None:
    assert skills_of(["ReactJS"]) == {"react": 1.0, "javascript": 0.5, "frontend": 0.5}
    assert skills_of(["ReactJS", "js"])["javascript"] == 1.0


def test_messy_tags_meet() -> None:
    assert reason("skills", ada("js;React.js"), grace("JavaScript;reactjs")).points == 60


def test_a_skill_counts_for_its_share_and_one_that_follows_for_half() -> None:
    skills = reason("skills", ada("reactjs;javascript;ruby"), grace("react"))
    assert skills == Reason("skills", 30.0, 60, "Offers reactjs, and is close to javascript.")


def test_no_skill_in_common_is_said() -> None:
    assert reason("skills", ada("ruby"), grace("cobol")).text == "Offers nothing of what you want."
    assert reason("skills", ada(""), grace("cobol")).text == "You have not said what you want."


def test_working_hours_overlap_by_the_clock_of_the_season() -> None:
    london, new_york = ada(timezone="Europe/London"), grace(timezone="America/New_York")
    assert reason("hours", london, new_york).text == "Your working hours overlap by 3 hours a day."
    phoenix = grace(timezone="America/Phoenix")
    assert reason("hours", london, phoenix, WINTER).points == 5
    assert reason("hours", london, phoenix, SUMMER).points == 0


def test_the_day_is_round() -> None:
    auckland, honolulu = ada(timezone="Pacific/Auckland"), grace(timezone="Pacific/Honolulu")
    assert reason("hours", auckland, honolulu, SUMMER).text == "Your working hours overlap by 6 hours a day."


def test_four_hours_together_are_enough() -> None:
    assert reason("hours", ada(timezone="UTC"), grace(timezone="America/Sao_Paulo")).points == 20
    assert reason("hours", ada(timezone="UTC"), grace(timezone="America/New_York")).points == 15


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc", "Europe"])
def test_a_zone_that_is_none_earns_nothing(name: str) -> None:
    hours = reason("hours", ada(), grace(timezone=name))
    assert (hours.points, hours.text) == (0, "The time zone of one of you is not known.")


def test_each_language_in_common_counts() -> None:
    both = reason("languages", ada(languages="en;hi"), grace(languages="hi;en-GB;fr"))
    assert both == Reason("languages", 10.0, 10, "You both speak English and Hindi.")
    assert reason("languages", ada(languages="en;hi"), grace()).points == 5


def test_who_shares_no_language_is_not_recommended() -> None:
    assert rank(ada(languages="en"), [grace(languages="fr")], WINTER) == []
    assert obstacle(ada(languages="en"), grace(languages="fr")) == "You have no language in common."


def test_who_has_no_free_place_is_not_recommended() -> None:
    assert rank(ada(), [grace(free=0)], WINTER) == []
    assert obstacle(ada(), grace(free=0)) == "All places of this mentor are taken."


def test_free_places_count() -> None:
    assert reason("places", ada(), grace(free=1, capacity=4)) == Reason("places", 2.5, 10, "1 of 4 places free.")


def test_the_best_come_first_and_equal_ones_by_id() -> None:
    mentors = [grace(mentor_id=THIRD), grace("ruby", mentor_id=FIRST), grace(mentor_id=SECOND)]
    assert [one.mentor_id for one in rank(ada(), mentors, WINTER)] == [SECOND, THIRD, FIRST]
    assert [one.mentor_id for one in rank(ada(), mentors, WINTER, limit=2)] == [SECOND, THIRD]


def test_a_perfect_match_scores_100() -> None:
    assert rank(ada(), [grace()], WINTER)[0].score == 100


TAGS = st.lists(st.sampled_from(["js", "reactjs", "css", "ruby", ".net", "ux/ui", "Vue.js"]), max_size=4)
LANGUAGES = st.lists(st.sampled_from(["en", "hi", "fr"]), max_size=3)
ZONES = st.sampled_from(["UTC", "Asia/Kolkata", "America/Lima", "Nowhere"])
MENTEES = st.builds(lambda *args: profile(wants=args[0], languages=args[1], timezone=args[2]), TAGS, LANGUAGES, ZONES)
MENTORS = st.lists(
    st.builds(
        candidate,
        mentor_id=st.uuids(),
        skills=TAGS,
        languages=LANGUAGES,
        timezone=ZONES,
        capacity=st.integers(0, 4),
        free=st.integers(0, 4),
    ),
    unique_by=lambda mentor: mentor.mentor_id,
)


@given(MENTEES, MENTORS, st.randoms())
def test_a_score_is_the_sum_of_its_reasons_and_the_order_of_asking_does_not_matter(
    mentee: Profile, mentors: list[Candidate], chance: Random
) -> None:
    recommended = rank(mentee, mentors, WINTER, limit=5)
    for one in recommended:
        assert one.score == round(sum(reason.points for reason in one.reasons), 1)
        assert all(0 <= reason.points <= reason.of for reason in one.reasons)
    assert [one.score for one in recommended] == sorted((one.score for one in recommended), reverse=True)
    shuffled = chance.sample(mentors, len(mentors))
    assert rank(mentee, shuffled, WINTER, limit=5) == recommended


@given(MENTEES, MENTORS)
def test_whoever_has_no_obstacle_is_recommended(mentee: Profile, mentors: list[Candidate]) -> None:
    recommended = {one.mentor_id for one in rank(mentee, mentors, WINTER, limit=len(mentors))}
    assert recommended == {mentor.mentor_id for mentor in mentors if obstacle(mentee, mentor) is None}


@given(MENTEES, MENTORS)
def test_one_more_free_place_never_hurts(mentee: Profile, mentors: list[Candidate]) -> None:
    before = {one.mentor_id: one.score for one in rank(mentee, mentors, WINTER, limit=99)}
    freed = [replace(mentor, free=mentor.free + 1) for mentor in mentors]
    after = {one.mentor_id: one.score for one in rank(mentee, freed, WINTER, limit=99)}
    assert all(after[mentor] >= score for mentor, score in before.items())

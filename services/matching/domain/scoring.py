"""Who suits whom: mentors ranked for one mentee, each with its reasons.

A mentor without a free place or without a language in common is not recommended. The others score of 100: up to 60 for
the skills that the mentee wants, 20 for working hours that overlap, 10 for languages, 10 for free places. What can be
worked out for a mentor alone is worked out once, in `candidate`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import nsmallest
from operator import itemgetter
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.matching.domain.tags import normal, skills_of

SKILLS, HOURS, LANGUAGES, PLACES = 60, 20, 10, 10
WORKING_HOURS = 8.0
"""Everyone is taken to work from 9 to 17 o'clock."""
ENOUGH_HOURS = 4.0

LANGUAGE_NAMES: Mapping[str, str] = {
    "ar": "Arabic",
    "bn": "Bengali",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "it": "Italian",
    "ja": "Japanese",
    "ml": "Malayalam",
    "mr": "Marathi",
    "nl": "Dutch",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A mentee, ready to be matched. `wants`: normal tag → the mentee's own word for it."""

    wants: Mapping[str, str]
    languages: frozenset[str]
    timezone: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mentor, ready to be matched. `skills`: normal tag → weight (0 to 1). `free` of `capacity` places are left."""

    mentor_id: UUID
    skills: Mapping[str, float]
    languages: frozenset[str]
    timezone: str
    capacity: int
    free: int


@dataclass(frozen=True, slots=True)
class Reason:
    """`points` of at most `of`."""

    part: Literal["skills", "hours", "languages", "places"]
    points: float
    of: int
    text: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`score` is 0 to 100: the sum of the reasons' points."""

    mentor_id: UUID
    score: float
    reasons: tuple[Reason, ...]


def profile(*, wants: Iterable[str], languages: Iterable[str], timezone: str) -> Profile:
    """A mentee's profile from what was typed."""
    words = {name: word for word in wants for name in normal(word)}
    return Profile(words, _languages(languages), timezone)


def candidate(
    *, mentor_id: UUID, skills: Iterable[str], languages: Iterable[str], timezone: str, capacity: int, free: int
) -> Candidate:
    """A mentor from what was typed. Keep it: only `free` changes often (`dataclasses.replace`)."""
    return Candidate(mentor_id, skills_of(skills), _languages(languages), timezone, capacity, free)


def rank(mentee: Profile, mentors: Iterable[Candidate], moment: datetime, limit: int = 20) -> list[Recommendation]:
    """The best first; equal scores in the order of their ids. Offsets from UTC are those at `moment`."""
    scored = (
        (-_score(_points(mentee, mentor, moment)), mentor.mentor_id.int, mentor)
        for mentor in mentors
        if obstacle(mentee, mentor) is None
    )
    best = nsmallest(limit, scored, key=itemgetter(0, 1))
    return [_recommendation(mentee, mentor, moment) for _, _, mentor in best]


def obstacle(mentee: Profile, mentor: Candidate) -> str | None:
    """Why this mentor is not recommended at all, as a sentence for the mentee."""
    if mentor.free <= 0:
        return "All places of this mentor are taken."
    if mentee.languages.isdisjoint(mentor.languages):
        return "You have no language in common."
    return None


def _recommendation(mentee: Profile, mentor: Candidate, moment: datetime) -> Recommendation:
    skills, hours, languages, places = points = _points(mentee, mentor, moment)
    return Recommendation(
        mentor.mentor_id,
        _score(points),
        (
            Reason("skills", skills, SKILLS, _about_skills(mentee, mentor)),
            Reason("hours", hours, HOURS, _about_hours(_overlap(mentee.timezone, mentor.timezone, moment))),
            Reason("languages", languages, LANGUAGES, _about_languages(mentee.languages & mentor.languages)),
            Reason("places", places, PLACES, f"{mentor.free} of {_counted(mentor.capacity, 'place')} free."),
        ),
    )


def _points(mentee: Profile, mentor: Candidate, moment: datetime) -> tuple[float, float, float, float]:
    """For skills, hours, languages and places; to a tenth, so that a score is the sum of what is shown."""
    offered = sum(mentor.skills.get(name, 0.0) for name in mentee.wants)
    overlap = _overlap(mentee.timezone, mentor.timezone, moment) or 0.0
    return (
        round(SKILLS * offered / max(len(mentee.wants), 1), 1),
        round(HOURS * min(overlap / ENOUGH_HOURS, 1.0), 1),
        round(LANGUAGES * len(mentee.languages & mentor.languages) / max(len(mentee.languages), 1), 1),
        round(PLACES * min(mentor.free / max(mentor.capacity, 1), 1.0), 1),
    )


def _score(points: tuple[float, ...]) -> float:
    return round(sum(points), 1)


def _overlap(mine: str, theirs: str, moment: datetime) -> float | None:
    """How many working hours of the two fall together; None when a zone is not known."""
    here, there = _offset(mine, moment), _offset(theirs, moment)
    if here is None or there is None:
        return None
    apart = abs(here - there) % 24
    return max(0.0, WORKING_HOURS - min(apart, 24 - apart))


@lru_cache(maxsize=2_000)
def _offset(timezone: str, moment: datetime) -> float | None:
    """Hours ahead of UTC."""
    zone = _zone(timezone)
    offset = moment.astimezone(zone).utcoffset() if zone else None
    return offset / timedelta(hours=1) if offset is not None else None


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo | None:
    """Kept, because zoneinfo itself keeps eight and reads the others from disk again."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what it raises for a name that it does not know, or that is none
        return None


def _languages(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code.strip().casefold().split("-")[0] for code in codes) - {""}


def _about_skills(mentee: Profile, mentor: Candidate) -> str:
    named = _listed(word for name, word in mentee.wants.items() if mentor.skills.get(name) == 1)
    near = _listed(word for name, word in mentee.wants.items() if 0 < mentor.skills.get(name, 0) < 1)
    if named and near:
        return f"Offers {named}, and is close to {near}."
    if named or near:
        return f"Offers {named}." if named else f"Is close to {near}."
    return "Offers nothing of what you want." if mentee.wants else "You have not said what you want."


def _about_hours(overlap: float | None) -> str:
    if overlap is None:
        return "The time zone of one of you is not known."
    if overlap == 0:
        return "Your working hours do not overlap."
    return f"Your working hours overlap by {_counted(overlap, 'hour')} a day."


def _about_languages(shared: frozenset[str]) -> str:
    return f"You both speak {_listed(LANGUAGE_NAMES.get(code, code) for code in sorted(shared))}."


def _listed(words: Iterable[str]) -> str:
    *most, last = dict.fromkeys(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _counted(number: float, thing: str) -> str:
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"

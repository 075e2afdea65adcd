"""Which mentors suit a mentee, and why."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import Row
from starlette.responses import Response

from services.gateway.access import program_for
from services.gateway.answers import Answer, Page, respond
from services.gateway.caller import SignedIn
from services.gateway.views import profiles, relationships
from services.matching.domain import scoring
from shared import clock
from shared.database import reading
from shared.refusals import Forbidden

router = APIRouter(tags=["relationships"])


class MenteesOnly(Forbidden):
    """Mentors are recommended to mentees."""


class ReasonAnswer(Answer):
    """`points` of at most `of`."""

    part: Literal["skills", "hours", "languages", "places"]
    points: float
    of: int
    text: str


class RecommendationAnswer(Answer):
    """`score` is 0 to 100: the sum of the reasons' points."""

    mentor_id: UUID
    external_id: str
    headline: str
    timezone: str
    score: float
    reasons: list[ReasonAnswer]


@router.get("/v1/programs/{program_id}/recommendations", response_model=Page[RecommendationAnswer])
def recommend(program_id: UUID, member: SignedIn, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Response:
    """The best first. Left out: who is full, who shares no language, and whom the mentee has asked already."""
    with reading(member.gateway.database) as connection:
        program_for(connection, member, program_id)
        mine = profiles.profile(connection, program_id, member.person)
        if mine is None or mine.role != "mentee":
            raise MenteesOnly()
        mentors = {row.person_id: row for row in profiles.mentors_of(connection, program_id)}
        taken = relationships.places_taken(connection, program_id)
        asked = relationships.open_with(connection, program_id, member.person)
    mentee = scoring.profile(wants=mine.wants, languages=mine.languages, timezone=mine.timezone)
    candidates = [
        scoring.candidate(
            mentor_id=row.person_id,
            skills=row.skills,
            languages=row.languages,
            timezone=row.timezone,
            capacity=row.capacity,
            free=row.capacity - taken.get(row.person_id, 0),
        )
        for row in mentors.values()
        if row.person_id not in asked
    ]
    ranked = scoring.rank(mentee, candidates, clock.now(), limit)
    return respond(Page(items=[_answer(one, mentors[one.mentor_id]) for one in ranked]))


def _answer(one: scoring.Recommendation, mentor: Row[Any]) -> RecommendationAnswer:
    return RecommendationAnswer(
        mentor_id=one.mentor_id,
        external_id=mentor.external_id,
        headline=mentor.headline,
        timezone=mentor.timezone,
        score=one.score,
        reasons=[ReasonAnswer.shown(reason) for reason in one.reasons],
    )

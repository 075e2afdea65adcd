"""Matching, put together."""

from collections.abc import Iterable
from uuid import UUID

from services.matching import commands, events, heard
from services.matching.commands import AcceptRequest, DissolveRelationships, RequestMentor
from services.matching.directory import DEADLINES, ENROLMENTS, RELATIONSHIPS
from services.matching.dissolving import dissolve_relationships
from services.matching.domain import NOTHING, Enrolment, Known, State, decide, evolve
from services.matching.domain.refusals import AlreadyRequested, MentorFull
from services.matching.policies import dissolve_relationships_when_person_erased
from shared.messages import Command, commands_in
from shared.parts import Parts
from shared.projection import Row
from shared.runtime import Reader
from shared.service import Aggregate, Asker, Service


def know(command: Command, asker: Asker, reader: Reader) -> Known:
    """How the asker is enrolled, and the mentor that is asked for."""
    match command:
        case RequestMentor(program_id=program, mentor_id=mentor) if asker.person:
            rows = [reader.one(ENROLMENTS, program, person) for person in (asker.person, mentor)]
            return Known(asker, _enrolled(row for row in rows if row))
        case AcceptRequest():
            return Known(asker, _enrolled(reader.where(ENROLMENTS, person_id=asker.person)))
        case _:
            return Known(asker)


def _enrolled(rows: Iterable[Row]) -> dict[tuple[UUID, UUID], Enrolment]:
    return {(row["program_id"], row["person_id"]): Enrolment(row["role"], row["capacity"]) for row in rows}


RELATIONSHIP: Aggregate[State] = Aggregate(
    category="relationship",
    initial=NOTHING,
    evolve=evolve,
    decide=decide,
    commands={
        kind: lambda command: command.relationship_id
        for kind in commands_in(commands)
        if kind is not DissolveRelationships
    },
    know=know,
    subject=lambda event: event.relationship_id,
)


def assemble(parts: Parts) -> Service:
    return Service(
        name="matching",
        events=events,
        aggregates=[RELATIONSHIP],
        taken={"pair": AlreadyRequested, "capacity": MentorFull},
        heard=[heard],
        directory=[ENROLMENTS, RELATIONSHIPS, DEADLINES],
        procedures={DissolveRelationships: dissolve_relationships},
        policies={heard.PersonErased: [dissolve_relationships_when_person_erased]},
    )

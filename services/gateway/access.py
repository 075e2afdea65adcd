"""What somebody may see: their own relationships whole; a coordinator those of the programme, without what was said."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy import Connection, Row, Select

from services.gateway.answers import Reveal, conceal
from services.gateway.caller import Member, SignedIn
from services.gateway.views import programs, relationships
from shared.database import reading
from shared.refusals import Forbidden, NotFound


class RelationshipUnknown(NotFound):
    """There is no such relationship."""


class ProgramUnknown(NotFound):
    """There is no such programme."""


class BetweenTheTwo(Forbidden):
    """This is between the mentor and the mentee."""


class CoordinatorsOnly(Forbidden):
    """Only the programme's coordinator may do this."""


@dataclass(frozen=True)
class Seen:
    """A relationship's row, for somebody who may see it; `party` is whether they are one of the two."""

    row: Row[Any]
    party: bool
    reveal: Reveal


@dataclass(frozen=True)
class Thing:
    """A row of something that belongs to a relationship."""

    row: Row[Any]
    relationship: Seen


async def find_relationship(member: Member, relationship_id: UUID, query: Select[Any] = relationships.ONE) -> Seen:
    """Raises `RelationshipUnknown`, for somebody else's too."""
    row = await member.gateway.lookup.one(query, relationship_id=relationship_id)
    return _allowed(member, row)


def relationship_for(
    connection: Connection, member: Member, relationship_id: UUID, query: Select[Any] = relationships.ONE
) -> Seen:
    """The same, among other things to read."""
    return _allowed(member, relationships.relationship(connection, relationship_id, query))


def _allowed(member: Member, row: Row[Any] | None) -> Seen:
    if row is None or member.person not in (row.mentor_id, row.mentee_id, row.coordinator_id):
        raise RelationshipUnknown()
    return seen(member, row)


def seen(member: Member, row: Row[Any]) -> Seen:
    party = member.person in (row.mentor_id, row.mentee_id)
    return Seen(row, party, member.gateway.vault.reveal if party else conceal)


def party_to(
    connection: Connection, member: Member, relationship_id: UUID, query: Select[Any] = relationships.ONE
) -> Seen:
    """Raises `RelationshipUnknown`, and `BetweenTheTwo` for the coordinator."""
    return _of_party(relationship_for(connection, member, relationship_id, query))


def _of_party(found: Seen) -> Seen:
    if not found.party:
        raise BetweenTheTwo()
    return found


def belonging(connection: Connection, member: Member, row: Row[Any] | None, unknown: type[NotFound]) -> Thing:
    """Something of a relationship, for its parties. Raises `unknown`, for somebody else's too, and `BetweenTheTwo`."""
    if row is None:
        raise unknown()
    try:
        return Thing(row, party_to(connection, member, row.relationship_id))
    except RelationshipUnknown:
        raise unknown() from None


def program_for(connection: Connection, member: Member, program_id: UUID) -> Row[Any]:
    """Raises `ProgramUnknown`, for one in which the person has no part too."""
    row = programs.program_for(connection, member.person, program_id)
    if row is None:
        raise ProgramUnknown()
    return row


def coordinated_by(connection: Connection, member: Member, program_id: UUID) -> Row[Any]:
    """Raises `ProgramUnknown`, and `CoordinatorsOnly` for those who take part."""
    row = program_for(connection, member, program_id)
    if row.role != "coordinator":
        raise CoordinatorsOnly()
    return row


async def _own(relationship_id: UUID, member: SignedIn) -> Row[Any]:
    return _of_party(await find_relationship(member, relationship_id, relationships.WHOSE)).row


def _coordinated(program_id: UUID, member: SignedIn) -> Row[Any]:
    with reading(member.gateway.database) as connection:
        return coordinated_by(connection, member, program_id)


Own = Annotated[Row[Any], Depends(_own)]
"""The relationship in the path, to which whoever asks is a party."""

Coordinated = Annotated[Row[Any], Depends(_coordinated)]
"""The programme in the path, which whoever asks coordinates."""

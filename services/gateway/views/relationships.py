"""Relationships, each as the fold of every event that belongs to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    ScalarSelect,
    Select,
    String,
    Uuid,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import Row as Found

from services.gateway.catalogue import CATALOGUE
from services.gateway.summary import READ, SummaryColumn, evolve_summary
from services.gateway.views import accounts, people, programs
from services.matching.domain.relationship import Live, Pending
from services.matching.events import MentorRequested
from shared.ids import NIL
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

LIVE = [kind.status for kind in get_args(Live)]
OPEN = LIVE + [kind.status for kind in get_args(Pending)]


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(recorded.program, recorded.subject)] if recorded.subject else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    summary = evolve_summary(row["summary"] if row else None, event, recorded)
    if summary is None:
        return None
    return {
        "program": recorded.program,
        "relationship_id": recorded.subject,
        "mentor_id": summary.state.about.mentor_id,
        "mentee_id": summary.state.about.mentee_id,
        "status": summary.state.status,
        "version": summary.version,
        "position": summary.position,
        "summary": summary,
    }


_OF = tuple(kind for kind in CATALOGUE.types.values() if "relationship_id" in kind.model_fields)

VIEW = View(
    "relationships",
    (
        Column("program", Uuid, primary_key=True),
        Column("relationship_id", Uuid, primary_key=True),
        Column("mentor_id", Uuid, nullable=False),
        Column("mentee_id", Uuid, nullable=False),
        Column("status", String(20), nullable=False),
        Column("version", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("summary", SummaryColumn, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("relationship_id",), ("mentor_id",), ("mentee_id",)),
    of=_OF,
    begun_by=(MentorRequested,),
    unread=tuple(kind for kind in _OF if kind not in READ),
)

table = VIEW.table(MetaData())

_NIL: ColumnElement[UUID] = literal_column(f"'{NIL.hex}'")
_ROW = tuple(column for column in table.c if column.name != "summary")


def _with_names() -> Select[Any]:
    """Put together once: that takes as long as the query itself. Accounts all have the same first part of their key: a
    join would make PostgreSQL read every one of them, while it does not know yet how many there are."""
    joined = table.join(programs.table, programs.table.c.program == table.c.program)
    columns: list[Any] = [programs.table.c.coordinator_id]
    for side in ("mentor", "mentee"):
        person = people.table.alias(side)
        who = table.c[f"{side}_id"]
        joined = joined.outerjoin(person, (person.c.program == table.c.program) & (person.c.person_id == who))
        columns += [person.c.external_id.label(f"{side}_external_id"), person.c.headline.label(f"{side}_headline")]
        columns += [person.c.timezone.label(f"{side}_timezone")]
        columns += [_of_account(who, accounts.table.c.display_name).label(f"{side}_name")]
        columns += [_of_account(who, accounts.table.c.erased_at).label(f"{side}_erased_at")]
    return select(*_ROW, type_coerce(table.c.summary, JSON).label("summary"), *columns).select_from(joined)


def _of_account(who: Column[UUID], column: Column[Any]) -> ScalarSelect[Any]:
    same = (accounts.table.c.program == _NIL, accounts.table.c.person_id == who)
    return select(column).where(*same).scalar_subquery()


_WITH_NAMES = _with_names()

ONE = _WITH_NAMES.where(table.c.relationship_id == bindparam("relationship_id"))
"""A relationship, its summary as it is kept, its programme's `coordinator_id`, and what the two are called."""

WHOSE: Select[Any] = (
    select(*_ROW, programs.table.c.coordinator_id)
    .join_from(table, programs.table, programs.table.c.program == table.c.program)
    .where(table.c.relationship_id == bindparam("relationship_id"))
)
"""Without what it is about and without names: whose it is, and how far it has come."""


def relationship(connection: Connection, relationship_id: UUID, query: Select[Any] = ONE) -> Found[Any] | None:
    return connection.execute(query, {"relationship_id": relationship_id}).one_or_none()


def relationships_of(connection: Connection, person: UUID, after: UUID, limit: int) -> Sequence[Found[Any]]:
    mine = or_(table.c.mentor_id == person, table.c.mentee_id == person)
    return connection.execute(_page(mine, after, limit)).all()


def relationships_in(connection: Connection, program: UUID, after: UUID, limit: int) -> Sequence[Found[Any]]:
    return connection.execute(_page(table.c.program == program, after, limit)).all()


def parties(connection: Connection, relationship_ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, UUID]]:
    query = select(table.c.relationship_id, table.c.mentor_id, table.c.mentee_id)
    rows = connection.execute(query.where(table.c.relationship_id.in_(list(relationship_ids))))
    return {row.relationship_id: (row.mentor_id, row.mentee_id) for row in rows}


def ids_of(connection: Connection, person: UUID) -> Sequence[UUID]:
    mine = or_(table.c.mentor_id == person, table.c.mentee_id == person)
    return connection.scalars(select(table.c.relationship_id).where(mine)).all()


def places_taken(connection: Connection, program: UUID) -> Mapping[UUID, int]:
    """Mentor → how many mentees they have now."""
    live = (table.c.program == program, table.c.status.in_(LIVE))
    query = select(table.c.mentor_id, func.count().label("places")).where(*live).group_by(table.c.mentor_id)
    return {row.mentor_id: row.places for row in connection.execute(query)}


def open_with(connection: Connection, program: UUID, mentee: UUID) -> frozenset[UUID]:
    """The mentors to whom this mentee has a request or a relationship that is not over."""
    mine = (table.c.program == program, table.c.mentee_id == mentee, table.c.status.in_(OPEN))
    return frozenset(connection.scalars(select(table.c.mentor_id).where(*mine)))


def _page(condition: Any, after: UUID, limit: int) -> Select[Any]:
    query = _WITH_NAMES.where(condition, table.c.relationship_id > after)
    return query.order_by(table.c.relationship_id).limit(limit)

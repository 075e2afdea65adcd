"""Who takes part in which programme, as the roster says and with what they were invited by."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Select, String, Text, Uuid, select
from sqlalchemy import Row as Found

from services.gateway.views import accounts
from services.identity.events import EnrolmentErased, EnrolmentRevised, PersonEnrolled, PersonInvited
from shared.database import Timestamp
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

PERSONAL = tuple(PersonEnrolled.personal_fields())
ROSTER = ("external_id", "role", "headline", "country", "timezone", "languages", "skills", "wants", "capacity")

Concerning = PersonEnrolled | EnrolmentRevised | EnrolmentErased | PersonInvited


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    if isinstance(event, Concerning):
        return [(event.program_id, event.person_id)]
    return []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    match event:
        case PersonEnrolled() | EnrolmentRevised():
            return {
                "program": event.program_id,
                "person_id": event.person_id,
                **{name: getattr(event, name) for name in ROSTER},
                "invited_until": row and row["invited_until"],
                "position": recorded.position,
            }
        case EnrolmentErased():
            return row and {**row, **dict.fromkeys(PERSONAL), "invited_until": None, "position": recorded.position}
        case PersonInvited(expires_at=expires_at):
            return row and {**row, "invited_until": expires_at, "position": recorded.position}
        case _:
            return row


VIEW = View(
    "people",
    (
        Column("program", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("external_id", String(100), nullable=False),
        Column("role", String(10), nullable=False),
        Column("headline", Text),
        Column("country", Text),
        Column("timezone", Text),
        Column("languages", Text),
        Column("skills", Text),
        Column("wants", Text),
        Column("capacity", Integer, nullable=False),
        Column("invited_until", Timestamp),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("program", "external_id"), ("person_id",)),
    of=get_args(Concerning),
    begun_by=(PersonEnrolled,),
)

table = VIEW.table(MetaData())


def people_of(
    connection: Connection, program: UUID, *, after: str = "", role: str | None = None, limit: int = 50
) -> Sequence[Found[Any]]:
    """In the order of their external ids, from the one `after` on."""
    query = _in(program).where(table.c.external_id > after)
    if role:
        query = query.where(table.c.role == role)
    return connection.execute(query.order_by(table.c.external_id).limit(limit)).all()


def named(connection: Connection, program: UUID, external_ids: Sequence[str]) -> Sequence[Found[Any]]:
    return connection.execute(_in(program).where(table.c.external_id.in_(external_ids))).all()


def not_signed_up(connection: Connection, program: UUID) -> Sequence[Found[Any]]:
    query = _in(program).where(accounts.table.c.signed_up_at.is_(None), accounts.table.c.erased_at.is_(None))
    return connection.execute(query.order_by(table.c.external_id)).all()


def enrolments_of(connection: Connection, person: UUID) -> Sequence[Found[Any]]:
    return connection.execute(select(table).where(table.c.person_id == person).order_by(table.c.program)).all()


def everywhere(connection: Connection, person: UUID) -> Sequence[Found[Any]]:
    """The person in each of their programmes."""
    return connection.execute(_WITH_ACCOUNT.where(table.c.person_id == person).order_by(table.c.program)).all()


def enrolment(connection: Connection, program: UUID, person: UUID) -> Found[Any] | None:
    mine = (table.c.program == program, table.c.person_id == person)
    return connection.execute(select(table).where(*mine)).one_or_none()


def time_zones(connection: Connection, program: UUID, persons: Iterable[UUID]) -> dict[UUID, str | None]:
    """Person → their time zone, sealed."""
    query = select(table.c.person_id, table.c.timezone)
    rows = connection.execute(query.where(table.c.program == program, table.c.person_id.in_(list(persons))))
    return {row.person_id: row.timezone for row in rows}


def _in(program: UUID) -> Select[Any]:
    """With what their account says of them, once they have one."""
    return _WITH_ACCOUNT.where(table.c.program == program)


_WITH_ACCOUNT = select(
    table, accounts.table.c.display_name, accounts.table.c.signed_up_at, accounts.table.c.erased_at
).select_from(table.outerjoin(accounts.table, accounts.table.c.person_id == table.c.person_id))

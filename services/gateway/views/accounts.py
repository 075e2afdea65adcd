"""Who can sign in: of the whole platform, not of one programme."""

from collections.abc import Iterable
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, Text, Uuid, select
from sqlalchemy import Row as Found

from services.identity.events import (
    CoordinatorAppointed,
    CredentialIssued,
    InvitationAccepted,
    PersonErased,
    PersonRegistered,
)
from shared.database import Timestamp
from shared.ids import NIL
from shared.log import Recorded
from shared.messages import Event
from shared.projection import Key, Row, View

Concerning = PersonRegistered | CoordinatorAppointed | CredentialIssued | InvitationAccepted | PersonErased


def _keys(event: Event, recorded: Recorded) -> Iterable[Key]:
    return [(NIL, event.person_id)] if isinstance(event, Concerning) else []


def _evolve(row: Row | None, event: Event, recorded: Recorded) -> Row | None:
    if not isinstance(event, Concerning):
        return row
    before = {**(row or _nobody(event.person_id)), "position": recorded.position}
    match event:
        case PersonRegistered():
            return before
        case CoordinatorAppointed():
            return {**before, "coordinator": True}
        case CredentialIssued(email=email):
            return {**before, "email": email, "signed_up_at": recorded.recorded_at}
        case InvitationAccepted(email=email, display_name=name):
            return {**before, "email": email, "display_name": name, "signed_up_at": recorded.recorded_at}
        case PersonErased():
            return {**before, "email": None, "display_name": None, "erased_at": recorded.recorded_at}


def _nobody(person: UUID) -> Row:
    return {
        "program": NIL,
        "person_id": person,
        "display_name": None,
        "email": None,
        "coordinator": False,
        "signed_up_at": None,
        "erased_at": None,
    }


VIEW = View(
    "accounts",
    (
        Column("program", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("display_name", Text),
        Column("email", Text),
        Column("coordinator", Boolean, nullable=False),
        Column("signed_up_at", Timestamp),
        Column("erased_at", Timestamp),
        Column("position", BigInteger, nullable=False),
    ),
    _keys,
    _evolve,
    indexes=(("person_id",),),
    of=get_args(Concerning),
    begun_by=(PersonRegistered,),
)

table = VIEW.table(MetaData())


def account(connection: Connection, person: UUID) -> Found[Any] | None:
    return connection.execute(select(table).where(table.c.program == NIL, table.c.person_id == person)).one_or_none()

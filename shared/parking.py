"""Events that a service could not take in, set aside until they are redriven: where they are, never what they say.

What must stay in order is parked together: behind an event of a subject all later ones of that subject, or else of its
stream. The rows are kept in the service's own schema and change in the transaction that moves its checkpoint.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from shared import clock
from shared.database import Timestamp
from shared.log import Recorded

metadata = MetaData()
parked = Table(
    "parked",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("reason", String(100)),
    Column("tries", Integer, nullable=False),
    Column("parked_at", Timestamp, nullable=False),
    Column("again_at", Timestamp),
)


@dataclass(frozen=True, slots=True)
class Parked:
    """One event. `reason` is the name of the exception; None for one that waits behind another. `again_at` is when it
    is tried again by itself, if ever."""

    position: int
    subject: str
    reason: str | None
    tries: int
    parked_at: datetime
    again_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lane:
    """How many events of one subject are parked, and when they are tried again by themselves, if ever."""

    events: int
    again_at: datetime | None

    @property
    def due(self) -> bool:
        return self.again_at is not None and self.again_at <= clock.now()


def subject_of(recorded: Recorded) -> str:
    return str(recorded.subject or recorded.stream)


def install(connection: Connection) -> None:
    metadata.create_all(connection)


def lanes(connection: Connection) -> dict[str, Lane]:
    """By subject."""
    query = select(parked.c.subject, func.count(), func.min(parked.c.again_at)).group_by(parked.c.subject)
    return {subject: Lane(events, again_at) for subject, events, again_at in connection.execute(query)}


def positions(connection: Connection) -> frozenset[int]:
    return frozenset(connection.scalars(select(parked.c.position)))


def is_parked(connection: Connection, position: int) -> bool:
    return connection.scalar(select(parked.c.position).where(parked.c.position == position)) is not None


def park(connection: Connection, recorded: Recorded, reason: str, tries: int, again_at: datetime | None) -> None:
    values = {"reason": reason, "tries": tries, "again_at": again_at}
    connection.execute(insert(parked).values(**_place(recorded), **values))


def park_behind(connection: Connection, batch: Iterable[Recorded]) -> None:
    """Others of their subjects are parked."""
    rows = [{**_place(recorded), "reason": None, "tries": 0, "again_at": None} for recorded in batch]
    if rows:
        connection.execute(insert(parked), rows)


def first(connection: Connection, subject: str) -> Parked | None:
    return next(iter(listed(connection, subject, limit=1)), None)


def listed(connection: Connection, subject: str | None = None, limit: int | None = None) -> list[Parked]:
    """In the order in which they happened."""
    query = select(parked).order_by(parked.c.position).limit(limit)
    query = query if subject is None else query.where(parked.c.subject == subject)
    return [Parked(**row._mapping) for row in connection.execute(query)]


def unpark(connection: Connection, position: int) -> bool:
    """False when somebody else has done it."""
    return connection.execute(delete(parked).where(parked.c.position == position)).rowcount == 1


def failed_again(connection: Connection, position: int, reason: str, again_at: datetime | None) -> None:
    values = {"reason": reason, "tries": parked.c.tries + 1, "again_at": again_at}
    connection.execute(update(parked).where(parked.c.position == position).values(**values))


def _place(recorded: Recorded) -> Mapping[str, object]:
    return {"position": recorded.position, "subject": subject_of(recorded), "parked_at": clock.now()}

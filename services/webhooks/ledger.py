"""Where delivery to each webhook stands: kept beside the log, since what became of a request is not history."""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)

from services.webhooks.directory import DIRECTORY, WEBHOOKS
from services.webhooks.domain import Delivery, Webhook
from shared.database import Timestamp, reading, writing
from shared.log import Recorded

LEADER_KEY = 7_301_995
LEASE_SECONDS = 5

metadata = MetaData()
deliveries = Table(
    "deliveries",
    metadata,
    Column("webhook_id", Uuid, primary_key=True),
    Column("ordered", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("next_attempt_at", Timestamp),
    Column("delivered_at", Timestamp),
    Column("failed_at", Timestamp),
    Column("failure", String(100)),
    Column("disabled_at", Timestamp),
)


def install(database: Engine) -> None:
    with writing(database) as connection:
        metadata.create_all(connection)
        DIRECTORY.install(connection)


def delivery_of(database: Engine, webhook_id: UUID) -> Row[Any] | None:
    with reading(database) as connection:
        return connection.execute(select(deliveries).where(deliveries.c.webhook_id == webhook_id)).one_or_none()


class Ledger:
    """Written through one session, which holds the leader's lock: who has lost the one can write nothing more.

    Safe to use from many threads, one at a time.
    """

    def __init__(self, session: Connection) -> None:
        self._session = session
        self._lock = threading.Lock()

    def lead(self) -> bool:
        """Whether this session is the one that delivers. On SQLite there is no other.

        One that asks for nothing for `LEASE_SECONDS`, because its process hangs, is ended, and the lock with it.
        """
        with self._writing() as session:
            if session.dialect.name != "postgresql":
                return True
            session.execute(text(f"SET idle_session_timeout = '{LEASE_SECONDS}s'"))
            return bool(session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_KEY}))

    def checkpoint(self) -> int:
        with self._writing() as session:
            return DIRECTORY.checkpoint(session)

    def follow(self, batch: Sequence[Recorded]) -> bool:
        """Whether there was an order among these events."""
        with self._writing() as session:
            DIRECTORY.apply(session, batch)
        return any(recorded.type in DIRECTORY.catalogue.types for recorded in batch)

    def webhooks(self) -> dict[UUID, Webhook]:
        table = DIRECTORY.tables[WEBHOOKS.name]
        with self._writing() as session:
            rows = session.execute(select(table)).all()
        webhooks = (Webhook(**{**row._mapping, "types": tuple(row.types)}) for row in rows)
        return {webhook.webhook_id: webhook for webhook in webhooks}

    def resume(self, webhook: Webhook) -> Delivery:
        """Where it stands now that its last order is followed."""
        mine = deliveries.c.webhook_id == webhook.webhook_id
        with self._writing() as session:
            row = session.execute(select(deliveries).where(mine)).one_or_none()
            before = Delivery(**row._mapping) if row else Delivery(webhook.webhook_id)
            after = before.following(webhook)
            if row is None:
                session.execute(insert(deliveries).values(asdict(after)))
            elif after != before:
                session.execute(update(deliveries).where(mine).values(asdict(after)))
        return after

    def save(self, delivery: Delivery) -> None:
        """Unless an order has come in between, or more was taken."""
        mine = (deliveries.c.webhook_id == delivery.webhook_id) & (deliveries.c.ordered == delivery.ordered)
        with self._writing() as session:
            behind = mine & (deliveries.c.position <= delivery.position)
            session.execute(update(deliveries).where(behind).values(asdict(delivery)))

    def pass_over(self, reached: Mapping[UUID, tuple[int, int]]) -> None:
        """Webhook → its `ordered`, and the position up to which nothing more is wanted.

        Asks the session even when there is nothing to write: it must still be there, for it holds the lock.
        """
        with self._writing() as session:
            session.execute(select(1))
            for webhook_id, (ordered, position) in reached.items():
                mine = (deliveries.c.webhook_id == webhook_id) & (deliveries.c.ordered == ordered)
                behind = mine & (deliveries.c.position < position)
                session.execute(update(deliveries).where(behind).values(position=position))

    def forget_others(self, webhook_ids: Collection[UUID]) -> None:
        with self._writing() as session:
            session.execute(delete(deliveries).where(deliveries.c.webhook_id.not_in(webhook_ids)))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._lock, self._session.begin():
            yield self._session

"""Operational state: not history, never told to anybody, erased with the person."""

from sqlalchemy import Column, Engine, Index, MetaData, String, Table, Uuid

from shared.database import Timestamp

metadata = MetaData()

credentials = Table(
    "credentials",
    metadata,
    Column("credential_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("email", String(64), nullable=False, index=True),
    Column("password_hash", String(200), nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("email", String(64), nullable=False),
    Column("at", Timestamp, nullable=False, index=True),
    Index("attempts_by_email", "email", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("family", Uuid, nullable=False, index=True),
    Column("person_id", Uuid, nullable=False),
    Column("expires_at", Timestamp, nullable=False, index=True),
    Column("rotated_at", Timestamp),
    Column("rotated_by", Uuid),
)


def install(engine: Engine) -> None:
    metadata.create_all(engine)

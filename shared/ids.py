"""Identifiers: new ones are UUIDv7 (they sort by time); derived ones make a repeat harmless."""

from uuid import UUID, uuid5

import uuid_utils

NIL = UUID(int=0)


def new_id() -> UUID:
    return UUID(int=uuid_utils.uuid7().int)


def derived_id(origin: UUID, *parts: object) -> UUID:
    """The same origin and parts give the same id, always."""
    return uuid5(origin, ":".join(str(part) for part in parts))

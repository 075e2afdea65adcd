"""What becomes of each append, for the storages that judge in Python (`log.append` in `postgres.sql` says the same)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.log.hashing import event_hash, in_utc
from shared.log.model import (
    Append,
    Appended,
    Claim,
    ClaimTaken,
    Entry,
    Head,
    IdReused,
    Outcome,
    Receipt,
    Recorded,
    Take,
    VersionConflict,
)


class Books(Protocol):
    """What a storage keeps, inside one transaction."""

    def receipt(self, command_id: UUID) -> Receipt | None: ...

    def version(self, stream: str) -> int: ...

    def holders(self, key: str) -> set[str]: ...

    def hold(self, key: str, holders: set[str]) -> None:
        """From now on just these hold it."""
        ...

    def keep(self, command_id: UUID, receipt: Receipt) -> None: ...

    def record(self, recorded: Recorded) -> None: ...


def judge(books: Books, batch: Sequence[Append], head: Head, recorded_at: datetime) -> tuple[list[Outcome], Head]:
    """Each append in order, recorded or refused; and the head afterwards."""
    outcomes: list[Outcome] = []
    for append in batch:
        outcome = _refusal(books, append)
        if outcome is None:
            outcome, head = _record(books, append, head, recorded_at)
        outcomes.append(outcome)
    return outcomes, head


def _refusal(books: Books, append: Append) -> Outcome | None:
    """Why there is nothing to record; claims are settled when this answers None."""
    receipt = books.receipt(append.command_id)
    if receipt is not None:
        if receipt.digest != append.command_digest:
            return IdReused()
        return Appended(receipt.first, receipt.last, receipt.version, repeated=True)
    version = books.version(append.stream)
    if version != append.expected_version:
        return VersionConflict(version)
    return _settle(books, append.claims)


def _settle(books: Books, claims: Sequence[Claim]) -> ClaimTaken | None:
    held: dict[str, set[str]] = {}
    for claim in claims:
        holders = held.setdefault(claim.key, set(books.holders(claim.key)))
        if isinstance(claim, Take):
            if len(holders - {claim.holder}) >= claim.limit:
                return ClaimTaken(claim.key)
            holders.add(claim.holder)
        else:
            holders.discard(claim.holder)
    for key, holders in held.items():
        books.hold(key, holders)
    return None


def _record(books: Books, append: Append, head: Head, recorded_at: datetime) -> tuple[Appended, Head]:
    first = head.position + 1
    for version, entry in enumerate(append.entries, append.expected_version + 1):
        recorded = _recorded(append, entry, version, head, recorded_at)
        books.record(recorded)
        head = Head(recorded.position, recorded.hash)
    last, version = head.position, append.expected_version + len(append.entries)
    appended = Appended(min(first, last), last, version)
    books.keep(append.command_id, Receipt(append.stream, append.command_digest, appended.first, last, version))
    return appended, head


def _recorded(append: Append, entry: Entry, version: int, head: Head, recorded_at: datetime) -> Recorded:
    fields = (
        head.position + 1,
        entry.event_id,
        append.stream,
        version,
        entry.type,
        entry.schema_version,
        entry.subject,
        append.program,
        append.actor,
        append.command_id,
        append.correlation_id,
        append.causation_id,
        in_utc(entry.occurred_at),
        recorded_at,
        entry.data,
    )
    return Recorded(*fields, hash=event_hash(head.hash, fields))

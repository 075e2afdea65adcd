"""The hash chain: what makes a later change of any event visible.

An event's hash is SHA-256 over the previous event's hash (32 zero bytes before the first) and its fields from
`position` to `data`, in the order of `Recorded`. Each field is preceded by its length in bytes as a 4-byte big-endian
integer, -1 standing for a field that is null: integers are 8 bytes, big-endian and signed; UUIDs their 16 bytes; text
is UTF-8; times are integers of microseconds since 1970-01-01T00:00Z. `log.event_hash` in `postgres.sql` is the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from struct import Struct
from uuid import UUID

from shared.log.model import EventLog, Head, Recorded

GENESIS = Head(0, bytes(32))

Field = int | str | UUID | datetime | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = Struct(">i").pack(-1)
_UUID_LENGTH = Struct(">i").pack(16)
_length = Struct(">i").pack
_integer = Struct(">iq").pack

fields_of = attrgetter(*(name for name in Recorded._fields if name != "hash"))


@dataclass(frozen=True, slots=True)
class Intact:
    """The chain holds from where it was verified up to and with `head`."""

    head: Head


@dataclass(frozen=True, slots=True)
class Broken:
    """`position` is the first that is not as it was recorded."""

    position: int
    reason: str


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def in_utc(moment: datetime) -> datetime:
    """The same moment as every storage gives it back. Raises TypeError for one without a time zone."""
    return _EPOCH + (moment - _EPOCH)


def event_hash(previous: bytes, fields: tuple[Field, ...]) -> bytes:
    return sha256(previous + b"".join(map(_framed, fields))).digest()


def unseen(recorded: Recorded) -> None:
    """Nobody looks."""


def verify(
    log: EventLog, after: int = 0, until: int | None = None, see: Callable[[Recorded], None] = unseen
) -> Intact | Broken:
    """Walk the positions after + 1 … until (the head): dense, and each hash over the one before.

    The event at `after` is trusted; verifying up to the head also notices events that were cut off the end. What holds
    is shown to `see`, one after the other.
    """
    head = log.head()
    target = head.position if until is None else until
    last = GENESIS
    try:
        for recorded in _between(log, max(after - 1, 0), target):
            if recorded.position != max(last.position + 1, after):
                break
            if recorded.position != after and event_hash(last.hash, fields_of(recorded)) != recorded.hash:
                return Broken(recorded.position, "changed")
            last = Head(recorded.position, recorded.hash)
            see(recorded)
    except _Unreadable as unreadable:
        return Broken(unreadable.position, "unreadable")
    if last.position < target:
        return Broken(max(last.position + 1, after), "missing")
    if target == head.position and last != head:
        return Broken(head.position, "not the head")
    if until is None and log.read(target, 1) and log.head() == head:
        return Broken(target + 1, "beyond the head")
    return Intact(last)


def _framed(field: Field) -> bytes:
    if isinstance(field, str):
        text = field.encode()
        return _length(len(text)) + text
    if isinstance(field, UUID):
        return _UUID_LENGTH + field.bytes
    if isinstance(field, int):
        return _integer(8, field)
    if isinstance(field, datetime):
        return _integer(8, microseconds(field))
    return _NULL


class _Unreadable(Exception):
    """The storage fails to read this one."""

    def __init__(self, position: int) -> None:
        self.position = position


def _between(log: EventLog, after: int, until: int) -> Iterator[Recorded]:
    while after < until and (batch := _batch(log, after, min(1000, until - after))):
        yield from batch
        after = max(batch[-1].position, after + 1)


def _batch(log: EventLog, after: int, limit: int) -> list[Recorded]:
    """As many as can be read. What fails for good at one event, while the log answers, is that event's fault."""
    try:
        return log.read(after, limit)
    except Exception:
        if limit > 1:
            return _batch(log, after, limit // 2)
    log.head()
    try:
        return log.read(after, 1)
    except Exception as error:
        raise _Unreadable(after + 1) from error

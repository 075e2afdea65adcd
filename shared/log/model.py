"""What the log takes, keeps and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on its way into the log. `data` is its JSON text, kept to the letter."""

    event_id: UUID
    type: str
    schema_version: int
    subject: UUID | None
    occurred_at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class Take:
    """Hold `key` as `holder`; refused when `limit` others hold it. Taking what one holds changes nothing."""

    key: str
    holder: str
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of `key`; letting go of what one does not hold changes nothing."""

    key: str
    holder: str


Claim = Take | Release


@dataclass(frozen=True, slots=True)
class Append:
    """The effect of one command on one stream: all of it or none.

    `expected_version` is the number of events in the stream that the decision was made on. `command_digest` tells a
    repeat (answered as the first time) from another command under the same id (refused).
    """

    stream: str
    expected_version: int
    command_id: UUID
    command_digest: bytes
    program: UUID
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    entries: tuple[Entry, ...]
    claims: tuple[Claim, ...] = ()


class Recorded(NamedTuple):
    """One event as the log keeps it. `hash` covers the previous event's hash and every other field.

    A tuple, because a log is read a million at a time: it is made in a third of a dataclass's time.
    """

    position: int
    event_id: UUID
    stream: str
    version: int
    type: str
    schema_version: int
    subject: UUID | None
    program: UUID
    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    data: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Recorded at positions `first` to `last`; the stream's `version` afterwards. `repeated`: by an earlier append."""

    first: int
    last: int
    version: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """The stream has moved on to `actual`."""

    actual: int


@dataclass(frozen=True, slots=True)
class IdReused:
    """Another command was recorded under this id."""


@dataclass(frozen=True, slots=True)
class ClaimTaken:
    """As many others as its limit allows hold `key`."""

    key: str


Outcome = Appended | VersionConflict | IdReused | ClaimTaken


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command did when it was first carried out."""

    stream: str
    digest: bytes
    first: int
    last: int
    version: int


@dataclass(frozen=True, slots=True)
class Head:
    """The last position and its hash: (0, 32 zero bytes) for an empty log."""

    position: int
    hash: bytes


class Share(NamedTuple):
    """The part `number`, from 0 on, `of` so many: all events of a subject are in one of them, those of none in the
    first."""

    number: int
    of: int

    def has(self, subject: UUID | None) -> bool:
        return (subject.bytes[-1] if subject else 0) % self.of == self.number


class EventLog(Protocol):
    """The append-only log. Positions are dense (1, 2, 3 …) in commit order, so a reader that has seen position n has
    seen everything before it. Safe to use from many threads."""

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        """One transaction; each append is judged in order, on its own, and sees those before it.

        Order of judgement: receipt (repeat or reuse), then expected version, then claims. An append without entries
        still records its receipt and claims (`first` = `last` = the head's position).
        """
        ...

    def receipts(self, command_ids: Sequence[UUID]) -> dict[UUID, Receipt]: ...

    def read(
        self, after: int, limit: int = 1000, types: Sequence[str] | None = None, share: Share | None = None
    ) -> list[Recorded]:
        """The events at positions after + 1 … after + limit, as far as there are any: of these `types` only, of this
        `share`."""
        ...

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        """Every event of each stream, in order; [] for an unknown one."""
        ...

    def of_subject(self, subject: UUID, *, until: datetime | None = None) -> list[Recorded]:
        """Every event of a subject whichever stream it is in, by position; with `until`, those recorded by then."""
        ...

    def find(self, event_id: UUID) -> Recorded | None: ...

    def head(self) -> Head: ...

    def wait(self, after: int, timeout: float) -> bool:
        """Until the head has passed `after`, at the most `timeout` seconds; whether it has."""
        ...

    def close(self) -> None: ...

"""The event log: the only truth about every relationship."""

from shared.log.model import (
    Append,
    Appended,
    Claim,
    ClaimTaken,
    Entry,
    EventLog,
    Head,
    IdReused,
    Outcome,
    Receipt,
    Recorded,
    Release,
    Take,
    VersionConflict,
)

__all__ = [
    "Append",
    "Appended",
    "Claim",
    "ClaimTaken",
    "Entry",
    "EventLog",
    "Head",
    "IdReused",
    "Outcome",
    "Receipt",
    "Recorded",
    "Release",
    "Take",
    "VersionConflict",
]

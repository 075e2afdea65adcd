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
    Share,
    Take,
    VersionConflict,
)
from shared.log.opening import install_log, open_log

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
    "Share",
    "Take",
    "VersionConflict",
    "install_log",
    "open_log",
]

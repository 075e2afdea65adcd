"""How delivery to one webhook goes: which events it wants, where it stands, when it is tried again, when given up."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between ten attempts, 75 hours in all: the schedule that Standard Webhooks suggests."""

LONGEST_WISH = timedelta(hours=1)
"""A receiver may ask for a longer pause (`Retry-After`), up to this."""


@dataclass(frozen=True)
class Webhook:
    """`ordered`: the position of the last order about it. The last that said where to begin, at `restarted`, said: with
    what follows `start`."""

    webhook_id: UUID
    program: UUID
    url: str
    types: tuple[str, ...]
    start: int
    restarted: int
    ordered: int

    def wants(self, program: UUID, event_type: str) -> bool:
        if program != self.program:
            return False
        return not self.types or event_type in self.types or f"{event_type.split('.', 1)[0]}.*" in self.types


@dataclass(frozen=True)
class Taken:
    """The receiver has it."""


@dataclass(frozen=True)
class Failed:
    """`final`: there is no use in trying again."""

    failure: str
    retry_after: timedelta | None = None
    final: bool = False


@dataclass(frozen=True)
class Delivery:
    """Everything up to `position` was taken, or is not wanted. `ordered`: the last order that was followed.

    The next event has failed `failures` times.
    """

    webhook_id: UUID
    ordered: int = 0
    position: int = 0
    failures: int = 0
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str | None = None
    disabled_at: datetime | None = None

    def following(self, webhook: Webhook) -> "Delivery":
        """As it stands when the orders that have come since are followed: each also enables it, and at once."""
        if webhook.ordered <= self.ordered:
            return self
        position = webhook.start if webhook.restarted > self.ordered else self.position
        return replace(
            self, ordered=webhook.ordered, position=position, failures=0, next_attempt_at=None, disabled_at=None
        )

    def taken(self, position: int, at: datetime) -> "Delivery":
        return replace(self, position=position, failures=0, next_attempt_at=None, delivered_at=at)

    def failed(self, failed: Failed, reached: int, at: datetime, jitter: float = 1.0) -> "Delivery":
        """`reached`: the position before the event that failed. `jitter` keeps many from coming back at one moment."""
        after = replace(
            self,
            position=reached,
            failures=self.failures + 1,
            next_attempt_at=None,
            failed_at=at,
            failure=failed.failure,
        )
        if failed.final or self.failures >= len(PAUSES):
            return replace(after, disabled_at=at)
        wished = min(failed.retry_after or timedelta(), LONGEST_WISH)
        return replace(after, next_attempt_at=at + max(PAUSES[self.failures] * jitter, wished))

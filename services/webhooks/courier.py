"""One webhook's courier: brings it its events, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from prometheus_client import Counter

from services.webhooks.domain import Delivery, Failed, Taken, Webhook
from shared.log import Recorded

LOOK_AT_THE_CLOCK = 60.0

DELIVERED = Counter("mentoring_webhooks_delivered", "Events that a webhook's receiver has taken")
FAILED = Counter("mentoring_webhooks_failed", "Attempts that failed", ["failure"])


@dataclass(frozen=True)
class Time:
    """`jitter` is a factor around 1."""

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]


class Office(Protocol):
    """What couriers share. `position`: the end of what may be brought."""

    time: Time
    position: int

    async def after(self, position: int) -> Sequence[Recorded]:
        """Some events that follow, the next one first."""
        ...

    async def attempt(self, webhook: Webhook, recorded: Recorded) -> Taken | Failed: ...

    async def save(self, delivery: Delivery) -> None: ...


class Courier:
    """An event that fails is tried again, and those after it wait: their order is promised.

    Nothing at or below `reached` is left to bring; `noted` is what the ledger knows of that. `waiting_since`: when the
    event that is being tried was recorded.
    """

    def __init__(self, webhook: Webhook, delivery: Delivery, office: Office) -> None:
        self.webhook = webhook
        self.delivery = delivery
        self.reached = self.noted = delivery.position
        self.waiting_since: datetime | None = None
        self._office = office
        self._idle = False
        self._called = asyncio.Event()

    async def run(self) -> None:
        """Until the webhook is disabled."""
        while not self.delivery.disabled_at:
            await self._rest()
            for recorded in await self._more():
                if self.webhook.wants(recorded.program, recorded.type) and not await self._bring(recorded):
                    break
                self.reached = recorded.position

    def call(self, position: int, concerned: bool) -> None:
        """The log has come to `position`: with something of the programme among what is new, or not.

        Who was called is no longer idle, even before its turn comes.
        """
        if self._idle and not concerned:
            self.reached = position
        else:
            self._idle = False
            self._called.set()

    async def _rest(self) -> None:
        """Until the next attempt is due. The clock may be set meanwhile."""
        due, time = self.delivery.next_attempt_at, self._office.time
        while due and (seconds := (due - time.now()).total_seconds()) > 0:
            await time.sleep(min(seconds, LOOK_AT_THE_CLOCK))

    async def _more(self) -> Sequence[Recorded]:
        while self.reached >= self._office.position:
            self._idle = True
            self._called.clear()
            await self._called.wait()
        return await self._office.after(self.reached)

    async def _bring(self, recorded: Recorded) -> bool:
        """Whether it was taken. That is kept only afterwards: after a crash in between it is brought again."""
        self.waiting_since = recorded.recorded_at
        outcome = await self._office.attempt(self.webhook, recorded)
        time = self._office.time
        if isinstance(outcome, Failed):
            FAILED.labels(outcome.failure).inc()
            self.delivery = self.delivery.failed(outcome, self.reached, time.now(), time.jitter())
        else:
            DELIVERED.inc()
            self.delivery = self.delivery.taken(recorded.position, time.now())
            self.waiting_since = None
        self.noted = self.delivery.position
        await self._office.save(self.delivery)
        return isinstance(outcome, Taken)

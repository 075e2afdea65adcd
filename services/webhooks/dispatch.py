"""Follows the log, keeps a courier for each webhook, and hands them what is new."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar
from uuid import UUID

from prometheus_client import Gauge

from services.webhooks.courier import Courier, Time
from services.webhooks.domain import Delivery, Failed, Taken, Webhook
from services.webhooks.ledger import Ledger
from services.webhooks.posting import Post
from shared import broker, standard_webhooks
from shared.log import EventLog, Recorded

BATCH = 500
RECENT = 1000
IDLE_SECONDS = 1.0
NOTE_SECONDS = 1.0

OLDEST = Gauge("mentoring_webhooks_oldest_undelivered_seconds", "Age of the oldest event not yet taken")
DISABLED = Gauge("mentoring_webhooks_disabled", "Webhooks that were given up")
POSITION = Gauge("mentoring_webhooks_position", "Up to here the log was looked at for webhooks")

T = TypeVar("T")


class Dispatch:
    """The couriers' `Office`, for as long as this process leads. `reveal` opens a sealed URL; None when it was erased.

    One slow or failing webhook holds up no other: each has its courier, and no courier waits for another.
    """

    def __init__(
        self, ledger: Ledger, log: EventLog, post: Post, reveal: Callable[[str], str | None], key: bytes, time: Time
    ) -> None:
        self.time = time
        self.position = 0
        self._ledger = ledger
        self._log = log
        self._post = post
        self._reveal = reveal
        self._key = key
        self._recent: deque[Recorded] = deque(maxlen=RECENT)
        self._couriers: dict[UUID, tuple[Courier, asyncio.Task[None]]] = {}

    async def run(self, stop: threading.Event) -> None:
        """Until stopped. Raises what a courier cannot go on with: then the next leader begins where this one ends."""
        self.position = await _apart(self._ledger.checkpoint)
        await self._regroup()
        loop, due = asyncio.get_running_loop(), 0.0
        try:
            while not stop.is_set():
                await self._follow()
                if loop.time() >= due:
                    await self._note()
                    due = loop.time() + NOTE_SECONDS
                await _apart(self._log.wait, self.position, IDLE_SECONDS)
        finally:
            await self._dismiss(*self._couriers)
            OLDEST.set(0)

    async def after(self, position: int) -> Sequence[Recorded]:
        if self._recent and self._recent[0].position <= position + 1:
            return list(islice(self._recent, position + 1 - self._recent[0].position, None))
        return await _apart(self._log.read, position, min(BATCH, self.position - position))

    async def attempt(self, webhook: Webhook, recorded: Recorded) -> Taken | Failed:
        url = await _apart(self._reveal, webhook.url)
        if url is None:
            return Failed("url_erased", final=True)
        body = broker.to_envelope(recorded)
        secret = standard_webhooks.secret_of(self._key, webhook.webhook_id)
        signed = standard_webhooks.headers(secret, str(recorded.event_id), self.time.now(), body)
        kind = {"content-type": "application/cloudevents+json", "user-agent": "mentoring-webhooks"}
        return await self._post.send(url, {**kind, **signed}, body)

    async def save(self, delivery: Delivery) -> None:
        await _apart(self._ledger.save, delivery)

    async def _follow(self) -> None:
        """Orders first: who was removed hears of nothing that comes after."""
        batch = await _apart(self._log.read, self.position, BATCH)
        if not batch:
            return
        if await _apart(self._ledger.follow, batch):
            await self._regroup()
        self._recent.extend(batch)
        self.position = batch[-1].position
        programs = {recorded.program for recorded in batch}
        for courier, _ in self._couriers.values():
            courier.call(self.position, courier.webhook.program in programs)

    async def _regroup(self) -> None:
        """A new courier for each webhook about which an order has come."""
        webhooks = await _apart(self._ledger.webhooks)
        changed = [known for known, (courier, _) in self._couriers.items() if webhooks.get(known) != courier.webhook]
        await self._dismiss(*changed)
        for webhook in webhooks.values():
            if webhook.webhook_id not in self._couriers:
                courier = Courier(webhook, await _apart(self._ledger.resume, webhook), self)
                self._couriers[webhook.webhook_id] = courier, asyncio.create_task(courier.run())
        await _apart(self._ledger.forget_others, list(webhooks))

    async def _dismiss(self, *webhook_ids: UUID) -> None:
        tasks = [self._couriers.pop(webhook_id)[1] for webhook_id in webhook_ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _note(self) -> None:
        """Keeps what was passed over, and tells how it goes. Raises what a courier has failed with."""
        couriers = [courier for courier, _ in self._couriers.values()]
        moved = [courier for courier in couriers if courier.reached > courier.noted]
        passed = {one.webhook.webhook_id: (one.delivery.ordered, one.reached) for one in moved}
        await _apart(self._ledger.pass_over, passed)
        for one in moved:
            one.noted = max(one.noted, passed[one.webhook.webhook_id][1])
        for _, task in self._couriers.values():
            if task.done():
                task.result()
        waiting = [c.waiting_since for c in couriers if c.waiting_since and not c.delivery.disabled_at]
        OLDEST.set((self.time.now() - min(waiting)).total_seconds() if waiting else 0)
        DISABLED.set(sum(bool(courier.delivery.disabled_at) for courier in couriers))
        POSITION.set(self.position)


async def _apart(work: Callable[..., T], *given: object) -> T:
    """In a thread: the log and the database make whoever asks wait."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(work, *given))

"""The process that delivers: what it is made of, and which of its copies is at work."""

import asyncio
import random
import threading
from functools import partial

from services.webhooks import ledger
from services.webhooks.courier import Time
from services.webhooks.dispatch import Dispatch
from services.webhooks.ledger import Ledger
from services.webhooks.posting import Post
from shared import clock
from shared.database import reading
from shared.looping import keep_going
from shared.parts import Parts

TAKEOVER_SECONDS = 1.0


def jitter() -> float:
    return random.uniform(0.9, 1.1)  # noqa: S311 - spreads attempts, hides nothing


REAL_TIME = Time(clock.now, asyncio.sleep, jitter)


def install(parts: Parts) -> None:
    ledger.install(parts.database)


class Webhooks:
    """One of several may run: who holds the lock of the database's session delivers, the others wait for it.

    After a crash each webhook goes on from its own position: what was sent after that is sent again.
    """

    def __init__(self, parts: Parts, time: Time = REAL_TIME) -> None:
        self._parts = parts
        self._time = time
        self.ready = False

    def run(self, stop: threading.Event) -> None:
        keep_going("webhooks", partial(self._lead, stop), stop)

    def _lead(self, stop: threading.Event) -> None:
        try:
            with reading(self._parts.database) as session:
                try:
                    held = Ledger(session)
                    self.ready = True
                    while not held.lead():
                        if stop.wait(TAKEOVER_SECONDS):
                            return
                    asyncio.run(self._deliver(held, stop))
                finally:
                    session.invalidate()
        finally:
            self.ready = False

    async def _deliver(self, held: Ledger, stop: threading.Event) -> None:
        parts = self._parts
        async with Post(private=parts.settings.private_webhooks) as post:
            await Dispatch(held, parts.log, post, parts.vault.reveal, parts.keys.digest, self._time).run(stop)

"""Whether somebody who is signed in is still somebody: a token says who asks, and outlives an erasure by minutes."""

import time
from uuid import UUID

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from services.gateway.views import accounts
from shared.database import reading
from shared.vault import PersonErased

REMEMBERED_SECONDS = 1.0
REMEMBERED = 10_000


class Standing:
    """Asked of the views, and remembered for a second: so long an erased person's token goes on at the most."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._seen: dict[UUID, float] = {}

    async def require(self, person: UUID) -> None:
        """Raises `PersonErased`."""
        now = time.monotonic()
        if self._seen.get(person, 0.0) > now:
            return
        if await run_in_threadpool(self._erased, person):
            raise PersonErased()
        if len(self._seen) >= REMEMBERED:
            self._seen.clear()
        self._seen[person] = now + REMEMBERED_SECONDS

    def forget(self, person: UUID) -> None:
        self._seen.pop(person, None)

    def _erased(self, person: UUID) -> bool:
        with reading(self._database) as connection:
            account = accounts.account(connection, person)
        return account is not None and account.erased_at is not None

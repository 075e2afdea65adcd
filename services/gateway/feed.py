"""Live events for many readers: the log is read once, and each event handed to those whom it concerns."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from services.gateway.parts import Gateway
from services.gateway.telling import EventAnswer, tell
from services.gateway.views import relationships
from shared.database import reading
from shared.log import Recorded
from shared.refusals import Unavailable

logger = logging.getLogger(__name__)

BATCH = 500
WAITING_AT_MOST = 1000
IDLE_SECONDS = 1.0


@dataclass(eq=False)
class Reader:
    """One who follows the feed. Who does not keep up is let go, and resumes where they were."""

    waiting: asyncio.Queue[EventAnswer | None] = field(default_factory=lambda: asyncio.Queue(WAITING_AT_MOST + 1))
    gone: bool = False

    def offer(self, event: EventAnswer) -> None:
        if self.waiting.qsize() >= WAITING_AT_MOST:
            self.let_go()
        elif not self.gone:
            self.waiting.put_nowait(event)

    def let_go(self) -> None:
        if not self.gone:
            self.gone = True
            self.waiting.put_nowait(None)


class Feed:
    """Hands out events up to the position that the views have reached, so that what is told can also be read."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._readers: dict[UUID, set[Reader]] = {}
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    async def events(self, person: UUID, after: int | None, seconds: float) -> AsyncIterator[EventAnswer]:
        """What concerns this person, later than the position `after` (than now): what was missed, then live.

        Ends after so many seconds, or when the reader does not keep up.
        """
        until = asyncio.get_running_loop().time() + seconds
        with self._joined(person) as reader:
            joined = self._position
            told = self._gateway.progress.position if after is None else after
            for missed in await run_in_threadpool(self._missed, person, told, joined):
                yield missed
            while (event := await _next(reader, until)) is not None:
                if event.position > told:
                    yield event

    @contextmanager
    def _joined(self, person: UUID) -> Iterator[Reader]:
        reader = Reader()
        self._readers.setdefault(person, set()).add(reader)
        if self._task is None or self._task.done():
            self._position = self._gateway.progress.position
            self._task = asyncio.create_task(self._run())
        try:
            yield reader
        finally:
            self._readers[person].discard(reader)
            if not self._readers[person]:
                del self._readers[person]

    async def _run(self) -> None:
        """As long as there are readers. Those who join while a batch is read find it among what they missed."""
        try:
            while self._readers:
                if await self._gateway.progress.wait(self._position + 1, IDLE_SECONDS):
                    readers = {person: tuple(some) for person, some in self._readers.items()}
                    start = self._position
                    self._position = min(self._gateway.progress.position, start + BATCH)
                    await self._hand_out(readers, start, self._position)
        except Exception:
            logger.exception("the feed failed")
        finally:
            for some in self._readers.values():
                for reader in some:
                    reader.let_go()

    async def _hand_out(self, readers: Mapping[UUID, Sequence[Reader]], start: int, end: int) -> None:
        while True:
            try:
                concerned = await run_in_threadpool(self._concerned, readers.keys(), start, end)
                break
            except Unavailable:
                await asyncio.sleep(IDLE_SECONDS)
        for person, event in concerned:
            for reader in readers[person]:
                reader.offer(event)

    def _concerned(self, persons: Collection[UUID], start: int, end: int) -> list[tuple[UUID, EventAnswer]]:
        """Whom of these persons each of the events concerns."""
        events = [one for one in self._gateway.log.read(start, end - start) if one.subject]
        with reading(self._gateway.database) as connection:
            parties = relationships.parties(connection, {one.subject for one in events if one.subject})
        told = ((one, set(parties.get(one.subject, ())) & set(persons)) for one in events if one.subject)
        return [(person, answer) for one, some in told if some for answer in [self._tell(one)] for person in some]

    def _missed(self, person: UUID, after: int, until: int) -> list[EventAnswer]:
        if after >= until:
            return []
        with reading(self._gateway.database) as connection:
            ids = relationships.ids_of(connection, person)
        events = [one for subject in ids for one in self._gateway.log.of_subject(subject)]
        missed = sorted((one for one in events if after < one.position <= until), key=attrgetter("position"))
        return [self._tell(one) for one in missed]

    def _tell(self, recorded: Recorded) -> EventAnswer:
        return tell(recorded, self._gateway.vault.reveal)


async def _next(reader: Reader, until: float) -> EventAnswer | None:
    try:
        return await asyncio.wait_for(reader.waiting.get(), until - asyncio.get_running_loop().time())
    except TimeoutError:
        return None

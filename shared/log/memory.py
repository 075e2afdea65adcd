"""The log in memory: for tests, and for trying things out."""

import threading
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared import clock
from shared.log.hashing import GENESIS
from shared.log.judging import judge
from shared.log.model import Append, Head, Outcome, Receipt, Recorded, Share


class MemoryLog:
    def __init__(self) -> None:
        self._events: list[Recorded] = []
        self._event_ids: set[UUID] = set()
        self._streams: dict[str, list[Recorded]] = {}
        self._receipts: dict[UUID, Receipt] = {}
        self._holders: dict[str, set[str]] = {}
        self._changed = threading.Condition()

    def install(self) -> None:
        """Nothing to make."""

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        with self._changed:
            draft = _Draft(self)
            previous = self._events[-1].recorded_at if self._events else clock.now()
            outcomes, _ = judge(draft, batch, self._head(), max(clock.now(), previous))
            draft.commit()
            self._changed.notify_all()
            return outcomes

    def receipts(self, command_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
        with self._changed:
            return {
                command_id: self._receipts[command_id] for command_id in command_ids if command_id in self._receipts
            }

    def read(
        self, after: int, limit: int = 1000, types: Sequence[str] | None = None, share: Share | None = None
    ) -> list[Recorded]:
        with self._changed:
            events = self._events[after : after + limit]
        return [
            event
            for event in events
            if (types is None or event.type in types) and (share is None or share.has(event.subject))
        ]

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        with self._changed:
            return {name: list(self._streams.get(name, ())) for name in names}

    def of_subject(self, subject: UUID, *, until: datetime | None = None) -> list[Recorded]:
        with self._changed:
            return [
                recorded
                for recorded in self._events
                if recorded.subject == subject and (until is None or recorded.recorded_at <= until)
            ]

    def find(self, event_id: UUID) -> Recorded | None:
        with self._changed:
            return next((recorded for recorded in self._events if recorded.event_id == event_id), None)

    def head(self) -> Head:
        with self._changed:
            return self._head()

    def wait(self, after: int, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self._events) > after, timeout)

    def close(self) -> None:
        """Nothing to let go of."""

    def _head(self) -> Head:
        return Head(self._events[-1].position, self._events[-1].hash) if self._events else GENESIS


class _Draft:
    """The books as one append sees them; the log's own change on `commit` only."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._recorded: list[Recorded] = []
        self._event_ids: set[UUID] = set()
        self._versions: dict[str, int] = {}
        self._receipts: dict[UUID, Receipt] = {}
        self._holders: dict[str, set[str]] = {}

    def receipt(self, command_id: UUID) -> Receipt | None:
        return self._receipts.get(command_id) or self._log._receipts.get(command_id)

    def version(self, stream: str) -> int:
        return self._versions.get(stream, len(self._log._streams.get(stream, ())))

    def holders(self, key: str) -> set[str]:
        return self._holders.get(key, self._log._holders.get(key, set()))

    def hold(self, key: str, holders: set[str]) -> None:
        self._holders[key] = holders

    def keep(self, command_id: UUID, receipt: Receipt) -> None:
        self._receipts[command_id] = receipt

    def record(self, recorded: Recorded) -> None:
        if recorded.event_id in self._event_ids or recorded.event_id in self._log._event_ids:
            raise ValueError(f"event {recorded.event_id} is in the log already")
        self._recorded.append(recorded)
        self._event_ids.add(recorded.event_id)
        self._versions[recorded.stream] = recorded.version

    def commit(self) -> None:
        for recorded in self._recorded:
            self._log._events.append(recorded)
            self._log._streams.setdefault(recorded.stream, []).append(recorded)
        self._log._event_ids |= self._event_ids
        self._log._receipts |= self._receipts
        self._log._holders |= self._holders

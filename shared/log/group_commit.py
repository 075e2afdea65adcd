"""Group commit: the appends that are waiting in one process go to the log together."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.log.model import Append, EventLog, Head, Outcome, Receipt, Recorded, Share
from shared.refusals import Unavailable

LARGEST = 200


class _Ticket:
    """One caller's appends. `turn` opens when they are settled, or when it is this caller's turn to write."""

    def __init__(self, batch: Sequence[Append]) -> None:
        self.batch = batch
        self.outcomes: list[Outcome] = []
        self.error: Exception | None = None
        self.settled = False
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()

    def settle(self, outcomes: list[Outcome], error: Exception | None = None) -> None:
        self.outcomes, self.error, self.settled = outcomes, error, True


class GroupCommit:
    """A log over another one. Whoever finds nobody writing writes for all who wait, then hands on to the next in line.

    When the log is `Unavailable`, all who were in the batch hear it. Any other failure is one caller's own: each is
    then written alone. A caller that is killed while it waits or writes (a green thread) leaves the line in order.
    """

    def __init__(self, log: EventLog, largest: int = LARGEST) -> None:
        self._log = log
        self._largest = largest
        self._lock = threading.Lock()
        self._line: deque[_Ticket] = deque()
        self._writing = False

    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        ticket = _Ticket(batch)
        with self._lock:
            self._line.append(ticket)
            ticket.leads, self._writing = not self._writing, True
        if not ticket.leads:
            self._await_turn(ticket)
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.outcomes

    def _await_turn(self, ticket: _Ticket) -> None:
        try:
            ticket.turn.acquire()
        except BaseException:
            self._abandon(ticket)
            raise

    def _abandon(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)
            if ticket.leads:
                self._hand_on()

    def _lead(self) -> None:
        with self._lock:
            tickets = self._take()
        try:
            self._write(tickets)
        finally:
            with self._lock:
                self._hand_on()
            for ticket in tickets:
                if not ticket.settled:
                    ticket.settle([], Unavailable("The append was cut off; whether it was recorded is not known."))
                ticket.turn.release()

    def _take(self) -> list[_Ticket]:
        """The next in line: as many as fit into one batch, but at least one."""
        tickets = [self._line.popleft()]
        room = self._largest - len(tickets[0].batch)
        while self._line and len(self._line[0].batch) <= room:
            tickets.append(self._line.popleft())
            room -= len(tickets[-1].batch)
        return tickets

    def _hand_on(self) -> None:
        self._writing = bool(self._line)
        if self._line:
            self._line[0].leads = True
            self._line[0].turn.release()

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        try:
            outcomes = iter(self._log.append([append for ticket in tickets for append in ticket.batch]))
            for ticket in tickets:
                ticket.settle([next(outcomes) for _ in ticket.batch])
            return
        except Unavailable as refusal:
            for ticket in tickets:
                ticket.settle([], Unavailable(refusal.detail, **refusal.facts))
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's to know
            if len(tickets) == 1:
                tickets[0].settle([], error)
                return
        for ticket in tickets:
            self._write([ticket])

    def receipts(self, command_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
        return self._log.receipts(command_ids)

    def read(
        self, after: int, limit: int = 1000, types: Sequence[str] | None = None, share: Share | None = None
    ) -> list[Recorded]:
        return self._log.read(after, limit, types, share)

    def streams(self, names: Sequence[str]) -> dict[str, list[Recorded]]:
        return self._log.streams(names)

    def of_subject(self, subject: UUID, *, until: datetime | None = None) -> list[Recorded]:
        return self._log.of_subject(subject, until=until)

    def find(self, event_id: UUID) -> Recorded | None:
        return self._log.find(event_id)

    def head(self) -> Head:
        return self._log.head()

    def wait(self, after: int, timeout: float) -> bool:
        return self._log.wait(after, timeout)

    def close(self) -> None:
        self._log.close()

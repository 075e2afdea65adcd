"""A service's hearing: the log's events in order, each applied to its directory and answered by its policies, once.

What a dependency that is down holds up is tried until it is back. What cannot be taken in, however often it is tried,
is parked with all that follows of its subject, and keeps nothing else from being heard.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter, Gauge

from shared import clock, parking
from shared.database import reading, writing
from shared.log import Recorded
from shared.messages import Event
from shared.parking import Lane, subject_of
from shared.projection import Gap
from shared.refusals import Refusal, Stale, Throttled, Unavailable
from shared.runtime import FromTheFuture, Runtime, for_policy
from shared.service import Policy
from shared.telemetry import correlated, place_of

logger = logging.getLogger(__name__)

BATCH = 500
PAUSES = (0.05, 0.2)
FIRST_AGAIN = timedelta(seconds=1)
LAST_AGAIN = timedelta(seconds=30)
PASSING = (Unavailable, Stale, Throttled, FromTheFuture)

PARKED = Gauge("mentoring_parked_events", "Events set aside until they are redriven", ["service"])
RETRIES = Counter("mentoring_hearing_retries", "Tries again of an event that could not be taken in", ["service"])


class PolicyFailed(Exception):
    """At this event, for the reason that is its cause."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded.position)
        self.recorded = recorded


class HeldUp(PolicyFailed):
    """Its command needs something that may come back by itself; log and directory are there."""


class Moved(Exception):
    """Somebody else has parked or redriven what was taken for granted here."""


class Subscription:
    """Feed it from anywhere, in batches with gaps and repeats: what is missing is read from the log first.

    Policies append before the checkpoint moves, under ids derived from the event: after a crash they are sent again
    and have their effect once. They find the directory as it was before the batch. Raises `Unavailable` when log or
    directory are down: the batch is then to be fed again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._service = runtime.service.name
        self._catalogue = runtime.service.catalogue
        self._position: int | None = None
        self._lanes: Mapping[str, Lane] = {}

    def receive(self, batch: Sequence[Recorded]) -> int:
        """Returns up to where all has been taken in."""
        position = self._checkpoint()
        fresh = [recorded for recorded in batch if recorded.position > position]
        if not fresh:
            return position
        if fresh[0].position != position + 1 or fresh[-1].position - position != len(fresh):
            return self._read_until(fresh[-1].position)
        return self._take_in(fresh)

    def catch_up(self) -> int:
        """From the checkpoint up to the log's head, by reading the log."""
        self._position = None
        return self._read_until(self._runtime.log.head().position)

    def redrive(self, subject: str) -> int:
        """Take in what is parked of this subject, in order; how many events were. It stops at one that still cannot be.

        What happens to the subject meanwhile is parked behind, so that nothing overtakes.
        """
        taken = 0
        while (first := self._first(subject)) is not None:
            [recorded] = self._runtime.log.read(first.position - 1, 1)
            try:
                self._take_in_parked(recorded)
            except Unavailable:
                raise
            except Exception as error:
                self._failed_again(recorded, first.tries + 1, error)
                break
            taken += 1
        self._position = None
        return taken

    def redrive_due(self) -> None:
        """What may be back by itself. When the first one is not, the others wait for the next time too."""
        self._position = None
        self._checkpoint()
        due = {subject: lane.again_at for subject, lane in self._lanes.items() if lane.due}
        for subject in sorted(due, key=lambda subject: str(due[subject])):
            RETRIES.labels(self._service).inc()
            if not self.redrive(subject):
                return

    def _read_until(self, until: int) -> int:
        position = self._checkpoint()
        while position < until and (batch := self._runtime.log.read(position, min(BATCH, until - position))):
            position = self._take_in(batch)
        return position

    def _checkpoint(self) -> int:
        """The last one known; read anew, with what is parked, when that is not certain."""
        if self._position is None:
            with reading(self._runtime.database) as connection:
                position = self._runtime.directory.checkpoint(connection)
                lanes = parking.lanes(connection)
            self._stand(position, lanes)
            return position
        return self._position

    def _stand(self, position: int, lanes: Mapping[str, Lane]) -> None:
        self._position = position
        self._lanes = lanes
        PARKED.labels(self._service).set(sum(lane.events for lane in lanes.values()))
        self._runtime.caught_up(position, parked=bool(lanes))

    def _take_in(self, batch: Sequence[Recorded]) -> int:
        """Together; or around the one event that cannot be taken in, which is found by halves."""
        error: Exception
        try:
            return self._apply(batch)
        except Unavailable:
            raise
        except (Moved, Gap):
            return self.receive(batch)
        except PolicyFailed as failed:
            at, error = batch.index(failed.recorded), failed
        except Exception as unexpected:
            if len(batch) > 1:
                self._take_in(batch[: len(batch) // 2])
                return self._take_in(batch[len(batch) // 2 :])
            at, error = 0, unexpected
        if before := batch[:at]:
            self._take_in(before)
        position = self._insist(batch[at], error)
        return self._take_in(after) if (after := batch[at + 1 :]) else position

    def _insist(self, recorded: Recorded, error: Exception) -> int:
        """A few times more, unless what it needs is known to be down; then it is parked."""
        tries = 1
        for pause in () if isinstance(error, HeldUp) else PAUSES:
            time.sleep(pause)
            RETRIES.labels(self._service).inc()
            tries += 1
            try:
                return self._apply([recorded])
            except Unavailable:
                raise
            except (Moved, Gap):
                return self.receive([recorded])
            except Exception as again:
                error = again
        return self._park(recorded, tries, error)

    def _apply(self, batch: Sequence[Recorded]) -> int:
        self._checkpoint()
        behind = [recorded for recorded in batch if subject_of(recorded) in self._lanes] if self._lanes else []
        positions = {recorded.position for recorded in behind}
        self._position = None
        for recorded in batch:
            if recorded.position not in positions:
                self._follow_policies(recorded)
        directory = self._runtime.directory
        with writing(self._runtime.database) as connection:
            checkpoint = directory.lock(connection) if behind else 0
            position = directory.apply(connection, batch, without=positions)
            lanes = parking.lanes(connection)
            if _differs(batch, positions, lanes):
                raise Moved()
            if behind:
                parking.park_behind(connection, (one for one in behind if one.position > checkpoint))
                lanes = parking.lanes(connection)
        self._stand(position, lanes)
        return position

    def _park(self, recorded: Recorded, tries: int, error: Exception) -> int:
        self._position = None
        directory = self._runtime.directory
        with writing(self._runtime.database) as connection:
            if directory.lock(connection) < recorded.position:
                directory.apply(connection, [recorded], without={recorded.position})
                parking.park(connection, recorded, _reason(error), tries, _again_at(error, tries))
        self._tell("parked", recorded, tries, error)
        return self._checkpoint()

    def _first(self, subject: str) -> parking.Parked | None:
        with reading(self._runtime.database) as connection:
            return parking.first(connection, subject)

    def _take_in_parked(self, recorded: Recorded) -> None:
        self._follow_policies(recorded)
        with writing(self._runtime.database) as connection:
            self._runtime.directory.lock(connection)
            if parking.unpark(connection, recorded.position):
                self._runtime.directory.fold(connection, [recorded])

    def _failed_again(self, recorded: Recorded, tries: int, error: Exception) -> None:
        with writing(self._runtime.database) as connection:
            parking.failed_again(connection, recorded.position, _reason(error), _again_at(error, tries))
        self._tell("still parked", recorded, tries, error)

    def _tell(self, what: str, recorded: Recorded, tries: int, error: Exception) -> None:
        """Never the error's own words: they may repeat the event's."""
        facts = {
            "service": self._service,
            "position": recorded.position,
            "type": recorded.type,
            "subject": subject_of(recorded),
            "correlation_id": str(recorded.correlation_id),
            "tries": tries,
            "reason": _reason(error),
            "where": place_of(_cause(error)),
        }
        logger.error(what, extra=facts)

    def _follow_policies(self, recorded: Recorded) -> None:
        policies = self._runtime.service.policies
        if not any(kind.type == recorded.type for kind in policies):
            return
        try:
            event = self._catalogue.decode(recorded)
            for policy in policies[type(event)] if event else ():
                self._follow(policy, event, recorded)
        except PASSING as passing:
            self._still_there()
            raise HeldUp(recorded) from passing
        except Exception as error:
            raise PolicyFailed(recorded) from error

    def _follow(self, policy: Policy, event: Event | None, recorded: Recorded) -> None:
        """A refusal is a decision like any other, unless the same command may be accepted later."""
        command = policy(event, recorded)
        if command is None:
            return
        try:
            with correlated(recorded.correlation_id):
                self._runtime.handle(command, for_policy(recorded, policy.__name__))
        except PASSING:
            raise
        except Refusal as refusal:
            logger.info("policy refused", extra={"policy": policy.__name__, "code": refusal.code})

    def _still_there(self) -> None:
        """Raises `Unavailable` when log or directory do not answer: then it is not this event's policy alone."""
        self._runtime.log.head()
        with reading(self._runtime.database) as connection:
            self._runtime.directory.checkpoint(connection)


def _differs(batch: Sequence[Recorded], behind: Collection[int], lanes: Collection[str]) -> bool:
    """Whether something else of the batch is to wait than was thought."""
    return bool(lanes or behind) and any((subject_of(one) in lanes) != (one.position in behind) for one in batch)


def _cause(error: Exception) -> BaseException:
    return (error.__cause__ or error) if isinstance(error, PolicyFailed) else error


def _reason(error: Exception) -> str:
    return type(_cause(error)).__name__


def _again_at(error: Exception, tries: int) -> datetime | None:
    """Twice as long each time, for what may come back by itself; a person is needed for anything else."""
    if not isinstance(error, HeldUp):
        return None
    return clock.now() + min(LAST_AGAIN, FIRST_AGAIN * float(2 ** min(tries, 10)))

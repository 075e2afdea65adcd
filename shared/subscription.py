"""A service's hearing: the log's events in order, each applied to its directory and answered by its policies, once."""

import logging
from collections.abc import Sequence

from shared.database import reading, writing
from shared.log import Recorded
from shared.refusals import Refusal, Unavailable
from shared.runtime import Runtime, for_policy

logger = logging.getLogger(__name__)

BATCH = 500


class Subscription:
    """Feed it from anywhere, in batches with gaps and repeats: what is missing is read from the log first.

    Policies append before the checkpoint moves, under ids derived from the event: after a crash they are sent again
    and have their effect once. Raises `Unavailable` when a dependency is down: the batch is then to be fed again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._catalogue = runtime.service.catalogue
        self._position: int | None = None

    def receive(self, batch: Sequence[Recorded]) -> int:
        """Returns the checkpoint afterwards."""
        position = self._checkpoint()
        fresh = [recorded for recorded in batch if recorded.position > position]
        if fresh and (fresh[0].position != position + 1 or fresh[-1].position - position != len(fresh)):
            return self.catch_up(fresh[-1].position)
        return self._apply(fresh) if fresh else position

    def catch_up(self, until: int | None = None) -> int:
        """From the checkpoint up to the position `until` (the log's head) by reading the log."""
        until = self._runtime.log.head().position if until is None else until
        self._position = None
        position = self._checkpoint()
        while position < until:
            position = self._apply(self._runtime.log.read(position, min(BATCH, until - position)))
        self._runtime.caught_up(position)
        return position

    def _checkpoint(self) -> int:
        if self._position is None:
            with reading(self._runtime.database) as connection:
                self._position = self._runtime.directory.checkpoint(connection)
        return self._position

    def _apply(self, batch: Sequence[Recorded]) -> int:
        self._position = None
        for recorded in batch:
            self._follow_policies(recorded)
        with writing(self._runtime.database) as connection:
            position = self._runtime.directory.apply(connection, batch)
        self._position = position
        self._runtime.caught_up(position)
        return position

    def _follow_policies(self, recorded: Recorded) -> None:
        policies = self._runtime.service.policies
        if not any(kind.type == recorded.type for kind in policies):
            return
        event = self._catalogue.decode(recorded)
        for policy in policies[type(event)] if event else ():
            command = policy(event, recorded)
            if command is None:
                continue
            try:
                self._runtime.handle(command, for_policy(recorded, policy.__name__))
            except Unavailable:
                raise
            except Refusal as refusal:
                logger.info("policy refused", extra={"policy": policy.__name__, "code": refusal.code})

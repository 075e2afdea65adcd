"""Things that happen to the toy service's counters, and whether it has heard of each, once."""

from shared.ids import new_id
from tests.integration.stage import Stage, eventually
from tests.integration.toy.events import Counted
from tests.integration.toy.heard import Happened

COUNTERS = 10


class Load:
    """So many things happen to each of ten counters."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._counters = [new_id() for _ in range(COUNTERS)]
        self._times = 0

    def happen(self, times: int) -> int:
        """The position of the last event."""
        self._times += times
        return self._stage.happen(*(Happened(counter_id=counter) for _ in range(times) for counter in self._counters))

    @property
    def heard_whole(self) -> bool:
        """The directory knows of each, and each was counted by the policy: as often as it happened."""
        heard = [self._stage.heard(counter, of) for counter in self._counters for of in (Happened, Counted)]
        assert max(heard) <= self._times
        return heard == [self._times] * len(heard)

    @property
    def missing(self) -> int:
        """How much of what happened the directory does not know of."""
        return self._times * COUNTERS - sum(self._stage.heard(counter, Happened) for counter in self._counters)

    def assert_once(self, seconds: float = 60) -> None:
        eventually(lambda: self.heard_whole, seconds)
        names = [f"counter-{counter}" for counter in self._counters]
        streams = self._stage.parts.log.streams(names)
        assert [len(streams[name]) for name in names] == [self._times] * len(names)

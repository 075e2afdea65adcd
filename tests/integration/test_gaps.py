"""What a queue loses is read from the log before anything that came after it; a subscriber that only compares positions
does not notice."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import update

from shared import broker, hearing
from shared.database import writing
from shared.hearing import Hearing
from shared.log import Recorded
from shared.refusals import Unavailable
from shared.subscription import Subscription
from tests.integration.load import COUNTERS, Load
from tests.integration.stage import Stage, eventually
from tests.integration.toy.events import Counted
from tests.integration.toy.heard import Happened
from tests.integration.toy.service import toy

QUEUE = "mentoring.toy"
HEEDED = (Counted.type, Happened.type)
ROUNDS = 2
BACKLOG = 20
PREFETCH = 50

Hear = Callable[[type[Subscription]], None]


class PositionsOnly(Subscription):
    """Deliberately broken: takes in whatever lies above its checkpoint, and never looks at the log."""

    def receive(self, batch: Sequence[Recorded]) -> int:
        runtime = self._runtime
        for recorded in batch:
            with writing(runtime.database) as connection:
                if recorded.position > runtime.directory.lock(connection):
                    self._follow_policies(recorded)
                    runtime.directory.fold(connection, [recorded])
                    connection.execute(update(runtime.directory.checkpoints).values(position=recorded.position))
        return batch[-1].position

    def catch_up(self) -> int:
        return 0


@pytest.fixture
def hear(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hear]:
    """A relay at work, and the toy service hearing in this process, in the manner that is asked for."""
    telling = stage.relay()
    telling.start()
    telling.wait()
    monkeypatch.setattr(hearing, "PREFETCH", PREFETCH)
    stop = threading.Event()
    runtime = stage.parts.runtime(toy())
    threads: list[threading.Thread] = []

    def start(manner: type[Subscription]) -> None:
        listener = Hearing(runtime, stage.broker_url, manner(runtime))
        threads.append(threading.Thread(target=listener.run, args=(stop,)))
        threads[0].start()
        eventually(lambda: listener.connected)

    yield start
    stop.set()
    threads[0].join()


def lose_a_queue_full(stage: Stage, load: Load) -> None:
    """While the service is kept from going on, more comes than it has fetched, and all that waits is lost."""
    eventually(lambda: stage.consumers(QUEUE) == 1, seconds=60)
    with writing(stage.parts.database) as connection:
        stage.directory.lock(connection)
        load.happen(BACKLOG)
        eventually(lambda: waiting(stage) >= BACKLOG * COUNTERS // 2)
        with broker.connected(stage.broker_url) as other:
            other.channel().queue_delete(QUEUE)
    load.happen(1)


def waiting(stage: Stage) -> int:
    try:
        with broker.connected(stage.broker_url) as connection:
            return int(connection.channel().queue_declare(QUEUE, passive=True).message_count)
    except Unavailable:
        return 0


def forget_to_tell(stage: Stage, load: Load) -> None:
    """The queue hears nothing for a while, though nobody has taken it away."""
    with broker.connected(stage.broker_url) as other:
        channel = other.channel()
        for kind in HEEDED:
            channel.queue_unbind(QUEUE, broker.EXCHANGE, kind)
        position = load.happen(BACKLOG)
        eventually(lambda: stage.told() >= position)
        broker.declare_queue(channel, "toy", HEEDED)
    load.happen(1)


LOSSES = [lose_a_queue_full, forget_to_tell]


@pytest.mark.parametrize("lose", LOSSES)
def test_what_a_queue_lost_under_load_is_heard_once(
    stage: Stage, hear: Hear, lose: Callable[[Stage, Load], None]
) -> None:
    load = Load(stage)
    hear(Subscription)
    for _ in range(ROUNDS):
        load.happen(5)
        lose(stage, load)
        load.happen(5)
    load.assert_once()


@pytest.mark.parametrize("lose", LOSSES)
def test_a_subscriber_that_only_compares_positions_misses_it(
    stage: Stage, hear: Hear, lose: Callable[[Stage, Load], None]
) -> None:
    load = Load(stage)
    hear(PositionsOnly)
    load.happen(2)
    load.assert_once()
    lose(stage, load)
    eventually(lambda: stage.consumers(QUEUE) == 1, seconds=60)
    last = load.happen(1)
    eventually(lambda: stage.checkpoint() >= last, seconds=60)
    assert load.missing > 0

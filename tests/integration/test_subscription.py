"""A service hears everything once and in order, whatever is killed, deleted or told twice meanwhile."""

from time import sleep

import pytest
from sqlalchemy import update

from deploy.fleet import Process
from deploy.servers import Servers
from shared import broker, relay
from shared.database import writing
from shared.ids import new_id
from shared.messages import Event
from shared.parts import Parts
from tests.integration.load import Load
from tests.integration.stage import QUEUES_WRITTEN, Stage, eventually
from tests.integration.toy.heard import Happened

QUEUE = "mentoring.toy"


class Ignored(Event, type="elsewhere.ignored"):
    """Nothing in the toy service heeds it."""


@pytest.fixture
def telling(stage: Stage) -> Process:
    return started(stage.relay())


@pytest.fixture
def hearing(stage: Stage, telling: Process) -> Process:
    return started(stage.toy())


def started(process: Process) -> Process:
    process.start()
    process.wait()
    return process


@pytest.fixture
def load(stage: Stage) -> Load:
    return Load(stage)


def test_what_happens_elsewhere_is_heard_once_and_answered_once(load: Load, hearing: Process) -> None:
    load.happen(30)
    load.assert_once()


def test_a_service_that_starts_late_hears_what_was_before(stage: Stage, load: Load, telling: Process) -> None:
    load.happen(30)
    started(stage.toy())
    load.assert_once()


def test_what_is_told_twice_is_heard_once(stage: Stage, load: Load, telling: Process, hearing: Process) -> None:
    load.happen(20)
    load.assert_once()
    telling.kill()
    parts = Parts(stage.settings, "relay")
    with writing(parts.database) as connection:
        connection.execute(update(relay.checkpoints).values(position=0))
    parts.close()
    telling.start()
    load.happen(20)
    load.assert_once()


def test_a_service_is_told_only_what_it_heeds_and_passes_over_the_rest(
    stage: Stage, telling: Process, hearing: Process
) -> None:
    hearing.stop()
    with broker.connected(stage.broker_url) as connection:
        channel = connection.channel()
        channel.queue_bind(QUEUE, broker.EXCHANGE, "#")  # as before an update
    started(stage.toy()).stop()
    counter = new_id()
    told = stage.happen(Ignored(), Happened(counter_id=counter), Ignored())
    eventually(lambda: stage.told() >= told)
    with broker.connected(stage.broker_url) as connection:
        assert connection.channel().queue_declare(QUEUE, passive=True).message_count == 1
    started(stage.toy())
    eventually(lambda: stage.checkpoint() >= told)
    assert stage.heard(counter, Happened) == 1
    passed = stage.happen(*(Ignored() for _ in range(3)))
    eventually(lambda: stage.checkpoint() >= passed)


def test_without_the_relay_a_service_hears_from_the_log(load: Load, telling: Process, hearing: Process) -> None:
    telling.kill()
    load.happen(5)
    load.assert_once()


def test_of_two_copies_one_hears_and_the_other_takes_over(stage: Stage, load: Load, hearing: Process) -> None:
    started(stage.toy())
    load.happen(20)
    hearing.kill()
    load.happen(20)
    load.assert_once()


def test_service_killed_again_and_again_while_it_hears(load: Load, hearing: Process) -> None:
    for _ in range(3):
        load.happen(40)
        sleep(0.3)
        hearing.kill()
        hearing.start()
        hearing.wait()
    load.assert_once()


@pytest.mark.parametrize(
    "point",
    ["before a policy", "after a policy", "before the fold", "before the commit", "before the acknowledgement"],
)
def test_service_killed_at_each_point_of_its_hearing(stage: Stage, load: Load, telling: Process, point: str) -> None:
    dying = started(stage.dying(point))
    for _ in range(5):
        load.happen(1)
        sleep(0.2)
    eventually(lambda: not dying.running)
    started(dying)
    load.happen(1)
    load.assert_once()


def test_what_a_service_cannot_read_is_neither_lost_nor_in_the_way(
    stage: Stage, load: Load, telling: Process, hearing: Process
) -> None:
    """nameko's own event handler acknowledges what fails, and forgets it."""
    bad = stage.happen_unreadably(subject := new_id())
    behind = stage.happen(Happened(counter_id=new_id()), subject=subject)
    load.happen(10)
    load.assert_once()
    hearing.kill()
    started(hearing)
    load.happen(10)
    load.assert_once()
    assert [(one.position, one.subject) for one in stage.parked()] == [(bad, str(subject)), (behind, str(subject))]
    assert "private" not in hearing.output.read_text()


def test_broker_killed_while_a_service_hears(load: Load, hearing: Process, servers: Servers) -> None:
    sleep(QUEUES_WRITTEN)
    load.happen(40)
    servers.rabbitmq.kill()
    try:
        load.happen(20)
        eventually(lambda: not hearing.ready)
    finally:
        servers.rabbitmq.start()
    load.happen(20)
    load.assert_once()
    eventually(lambda: hearing.ready)


def test_a_queue_that_the_broker_lost_is_made_anew(
    stage: Stage, load: Load, telling: Process, servers: Servers
) -> None:
    """It was younger than what the broker had written of it when it was killed."""
    sleep(QUEUES_WRITTEN)
    toy = stage.toy()
    toy.start()
    eventually(lambda: stage.consumers(QUEUE) == 1)
    servers.rabbitmq.kill()
    servers.rabbitmq.start()
    load.happen(20)
    load.assert_once()
    eventually(lambda: toy.ready and stage.consumers(QUEUE) == 1)
    eventually(lambda: stage.told() == stage.parts.log.head().position)


def test_database_killed_while_a_service_hears(load: Load, hearing: Process, servers: Servers) -> None:
    load.happen(40)
    servers.postgres.kill()
    servers.postgres.start()
    load.happen(20)
    load.assert_once()
    assert hearing.running

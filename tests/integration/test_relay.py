"""The relay tells everything in the log, in order and at least once, whatever is killed meanwhile."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text, update

from deploy.fleet import Process
from deploy.servers import Servers
from shared import broker, relay
from shared.database import reading, writing
from shared.ids import new_id
from shared.log import Recorded
from shared.parts import Parts
from tests.integration.stage import QUEUES_WRITTEN, Stage, eventually
from tests.integration.toy.heard import Happened

OUTSIDER = "outsider"


@pytest.fixture
def telling(stage: Stage) -> Process:
    """A relay at work, and a queue of somebody outside."""
    with channel(stage) as outside:
        broker.declare_exchange(outside)
        outside.queue_declare(OUTSIDER, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        outside.queue_bind(OUTSIDER, broker.EXCHANGE, "#")
    process = stage.relay()
    process.start()
    process.wait()
    return process


@contextmanager
def channel(stage: Stage) -> Iterator[Any]:
    with broker.connected(stage.broker_url) as connection:
        yield connection.channel()


def happen(stage: Stage, times: int) -> int:
    return stage.happen(*(Happened(counter_id=new_id()) for _ in range(times)))


def told(stage: Stage, until: int, queue: str = OUTSIDER, **arguments: Any) -> list[Recorded]:
    """Everything in the queue, up to the first time that the position `until` comes."""
    events: list[Recorded] = []
    with broker.connected(stage.broker_url) as connection:
        consuming = connection.channel()
        consuming.basic_qos(0, 500, False)

        def hear(message: Any) -> None:
            events.append(broker.recorded_in(message))
            consuming.basic_ack(message.delivery_tag)

        consuming.basic_consume(queue, callback=hear, arguments=arguments)
        waited = monotonic() + 60
        while not events or max(event.position for event in events) < until:
            broker.drained(connection, 1)
            assert monotonic() < waited, f"{len(events)} of {until}"
    return events


def first_times(events: Sequence[Recorded]) -> list[Recorded]:
    """In the order in which they came, without the repeats."""
    return list({event.position: event for event in events}.values())


def assert_whole(stage: Stage, events: Sequence[Recorded]) -> None:
    """Nothing is missing, nothing came before its time, and each is what the log holds."""
    assert first_times(events) == stage.parts.log.read(0, 100_000)


def checkpoint(stage: Stage) -> int:
    parts = Parts(stage.settings, "relay")
    with reading(parts.database) as connection:
        position: int = connection.execute(select(relay.checkpoints.c.position)).scalar_one()
    parts.close()
    return position


def test_everything_in_the_log_is_told_in_order(stage: Stage, telling: Process) -> None:
    events = told(stage, until=happen(stage, 3000))
    assert_whole(stage, events)
    assert len(events) == 3000
    eventually(lambda: checkpoint(stage) == 3000)


def test_an_event_is_told_soon_after_it_was_recorded(stage: Stage, telling: Process) -> None:
    happen(stage, 1)
    told(stage, until=1)
    began = monotonic()
    happen(stage, 1)
    told(stage, until=2)
    assert monotonic() - began < 0.4  # less than the pause after which the relay would look by itself


def test_the_stream_keeps_everything_and_replays_it_from_any_point(stage: Stage, telling: Process) -> None:
    last = happen(stage, 200)
    told(stage, until=last)
    assert_whole(stage, told(stage, last, broker.STREAM, **{"x-stream-offset": "first"}))
    later = told(stage, last, broker.STREAM, **{"x-stream-offset": 150})
    assert [event.position for event in later] == list(range(151, 201))


def test_what_the_relay_did_not_note_before_it_was_killed_is_told_again(stage: Stage, telling: Process) -> None:
    happen(stage, 50)
    eventually(lambda: checkpoint(stage) == 50)
    telling.kill()
    parts = Parts(stage.settings, "relay")
    with writing(parts.database) as connection:
        connection.execute(update(relay.checkpoints).values(position=40))
    parts.close()
    telling.start()
    events = told(stage, until=happen(stage, 1))
    assert [event.position for event in events] == [*range(1, 51), *range(41, 52)]
    assert_whole(stage, events)


@pytest.mark.parametrize("point", ["before_publish", "after_publish", "before_checkpoint", "after_checkpoint"])
def test_relay_killed_at_this_point_tells_everything(stage: Stage, telling: Process, point: str) -> None:
    """What is at or below the checkpoint is not told again. What a killed process has sent last may get lost with its
    connection."""
    last = happen(stage, 20)
    eventually(lambda: checkpoint(stage) == last)
    telling.kill()
    last = happen(stage, 60)
    doomed = stage.doomed_relay(point, position=50)
    doomed.start()
    eventually(lambda: not doomed.running)
    assert doomed.exit_status == -signal.SIGKILL
    assert checkpoint(stage) >= 50 if point == "after_checkpoint" else 20 <= checkpoint(stage) < 50
    again = checkpoint(stage)
    telling.start()
    events = told(stage, until=happen(stage, 1))
    assert_whole(stage, events)
    afterwards = [*range(again + 1, last + 2)]
    before = len(events) - len(afterwards)
    assert [event.position for event in events] == [*range(1, before + 1), *afterwards]
    assert again <= before <= {"before_publish": 49, "after_publish": 50}.get(point, last)


def test_a_relay_whose_broker_does_not_confirm_in_time_starts_over(
    stage: Stage, telling: Process, servers: Servers
) -> None:
    """The broker is held still: what it was sent counts as told only when it has said so."""
    telling.kill()
    impatient = stage.doomed_relay("impatient")
    impatient.start()
    impatient.wait()
    first = happen(stage, 1)
    eventually(lambda: checkpoint(stage) == first)
    assert servers.rabbitmq.pid
    os.kill(servers.rabbitmq.pid, signal.SIGSTOP)
    try:
        last = happen(stage, 100)
        eventually(lambda: "The broker does not confirm." in impatient.output.read_text())
        assert checkpoint(stage) == first
    finally:
        os.kill(servers.rabbitmq.pid, signal.SIGCONT)
    eventually(lambda: checkpoint(stage) == last)
    assert_whole(stage, told(stage, until=last))


def test_relay_killed_again_and_again_under_load_tells_everything(stage: Stage, telling: Process) -> None:
    for _ in range(4):
        happen(stage, 1500)
        telling.kill()
        happen(stage, 100)
        telling.start()
        telling.wait()
    assert_whole(stage, told(stage, until=happen(stage, 1)))


def test_a_second_relay_waits_and_takes_over_within_five_seconds(stage: Stage, telling: Process) -> None:
    second = stage.relay()
    second.start()
    second.wait()
    last = happen(stage, 500)
    eventually(lambda: checkpoint(stage) == last)
    assert (published(telling), published(second)) == (500, 0)
    telling.kill()
    last = happen(stage, 500)
    eventually(lambda: checkpoint(stage) == last, seconds=5)
    events = told(stage, until=last)
    assert len(events) == 1000
    assert_whole(stage, events)


def test_a_leader_that_hangs_is_replaced_within_five_seconds(stage: Stage, telling: Process) -> None:
    """Its connections stay open, and nothing but the database's patience takes the lock from it."""
    second = stage.relay()
    second.start()
    second.wait()
    last = happen(stage, 100)
    eventually(lambda: checkpoint(stage) == last)
    assert telling.pid
    os.kill(telling.pid, signal.SIGSTOP)
    try:
        last = happen(stage, 100)
        eventually(lambda: checkpoint(stage) == last, seconds=5)
        successor = session_of_the_leader(stage)
    finally:
        os.kill(telling.pid, signal.SIGCONT)
    eventually(lambda: "interrupted" in telling.output.read_text())
    last = happen(stage, 100)
    eventually(lambda: checkpoint(stage) == last)
    assert session_of_the_leader(stage) == successor
    assert_whole(stage, told(stage, until=last))


def test_when_the_database_is_killed_one_of_the_relays_leads_again(
    stage: Stage, telling: Process, servers: Servers
) -> None:
    second = stage.relay()
    second.start()
    second.wait()
    happen(stage, 1000)
    servers.postgres.kill()
    servers.postgres.start()
    last = happen(stage, 500)
    eventually(lambda: checkpoint(stage) == last)
    assert session_of_the_leader(stage)
    assert_whole(stage, told(stage, until=last))
    assert telling.running and second.running


def test_a_leader_whose_session_ended_while_it_was_held_still_has_no_say_any_more(
    stage: Stage, telling: Process
) -> None:
    """When it wakes it may tell again what it had not noted; it neither leads nor moves the checkpoint back."""
    last = happen(stage, 100)
    eventually(lambda: checkpoint(stage) == last)
    second = stage.relay()
    second.start()
    second.wait()
    leader = session_of_the_leader(stage)
    assert telling.pid
    os.kill(telling.pid, signal.SIGSTOP)
    try:
        administer(stage, "SELECT pg_terminate_backend(:pid)", pid=leader)
        last = happen(stage, 100)
        eventually(lambda: checkpoint(stage) == last)
        successor = session_of_the_leader(stage)
        assert successor != leader
    finally:
        os.kill(telling.pid, signal.SIGCONT)
    eventually(lambda: "interrupted" in telling.output.read_text())
    last = happen(stage, 100)
    eventually(lambda: checkpoint(stage) == last)
    assert published(second) == 200
    assert session_of_the_leader(stage) == successor
    assert_whole(stage, told(stage, until=last))


def session_of_the_leader(stage: Stage) -> int:
    """The process id, in PostgreSQL, of the one session that holds the relays' lock."""
    held = (
        "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND granted AND datname = current_database() AND objid = :key"
    )
    [pid] = administer(stage, held, key=relay.LEADER_KEY)
    return pid


def administer(stage: Stage, statement: str, **values: int) -> list[int]:
    engine = create_engine(stage.settings.database_url)
    with engine.connect() as connection:
        found = list(connection.scalars(text(statement), values))
    engine.dispose()
    return found


def published(process: Process) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics") as answer:
        found = re.search(r"^mentoring_relay_published_total (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])


def test_broker_killed_under_load_loses_nothing(stage: Stage, telling: Process, servers: Servers) -> None:
    told(stage, until=happen(stage, 1))
    sleep(QUEUES_WRITTEN)
    happen(stage, 3000)
    servers.rabbitmq.kill()
    try:
        happen(stage, 500)
        eventually(lambda: not telling.ready)
    finally:
        servers.rabbitmq.start()
    last = happen(stage, 500)
    events = told(stage, until=last)
    assert first_times(events) == stage.parts.log.read(1, 100_000)
    assert telling.ready and telling.running


def test_what_the_broker_has_not_confirmed_is_not_taken_for_told(
    stage: Stage, telling: Process, servers: Servers
) -> None:
    """The broker is held still, so that events are on their way to it, and then killed."""
    first = happen(stage, 1)
    eventually(lambda: checkpoint(stage) == first)
    sleep(QUEUES_WRITTEN)
    assert servers.rabbitmq.pid
    os.kill(servers.rabbitmq.pid, signal.SIGSTOP)
    try:
        last = happen(stage, 300)
        sleep(3 * relay.IDLE_SECONDS)
        assert checkpoint(stage) == first
    finally:
        servers.rabbitmq.kill()
        servers.rabbitmq.start()
    assert_whole(stage, told(stage, until=last))


def test_database_killed_under_load_loses_nothing(stage: Stage, telling: Process, servers: Servers) -> None:
    happen(stage, 3000)
    servers.postgres.kill()
    try:
        eventually(lambda: not telling.ready)
    finally:
        servers.postgres.start()
    eventually(lambda: telling.ready)
    assert_whole(stage, told(stage, until=happen(stage, 500)))
    assert telling.running


def test_an_event_that_the_broker_refuses_is_offered_until_it_is_taken(stage: Stage, telling: Process) -> None:
    """A queue that refuses what it has no room for has no business at this exchange; here is what it does."""
    with channel(stage) as outside:
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        outside.queue_declare("full", durable=True, auto_delete=False, arguments=full)
        outside.queue_bind("full", broker.EXCHANGE, "#")
    last = happen(stage, 200)
    eventually(lambda: "The broker refused an event." in telling.output.read_text())
    assert checkpoint(stage) < last
    with channel(stage) as outside:
        outside.queue_delete("full")
    eventually(lambda: checkpoint(stage) == last)
    assert_whole(stage, told(stage, until=last))

"""`replay` tells one queue again what the log holds, and nobody else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from deploy.servers import Servers
from services.goals.events import GoalReached
from shared import broker
from shared.ids import new_id
from shared.log import Recorded
from shared.messages import Event
from shared.replay import QueueUnknown, replay
from tests.integration.stage import Stage
from tests.integration.toy.heard import Happened
from tests.outside import admitted

QUEUE = "sub.late"


@pytest.fixture
def late(stage: Stage, servers: Servers) -> str:
    """The URL of a subscriber who came when 1200 events had been told; every hundredth is a goal that was reached."""
    stage.happen(*(happened(number) for number in range(1, 1201)))
    return admitted(servers, stage.broker_url, "late")


def happened(number: int) -> Event:
    if number % 100:
        return Happened(counter_id=new_id())
    return GoalReached(goal_id=new_id(), relationship_id=new_id(), value=1)


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def read(url: str) -> list[tuple[pika.BasicProperties, Recorded]]:
    with channel(url) as one:
        found = []
        while (message := one.basic_get(QUEUE, auto_ack=True))[0] is not None:
            found.append((message[1], broker.from_envelope(message[2])))
    return found


def test_a_queue_is_told_again_what_the_log_holds_in_order_and_marked(stage: Stage, late: str) -> None:
    assert replay(stage.parts.log, stage.broker_url, QUEUE, (7, 1100)) == 1094
    again = read(late)
    assert [recorded for _, recorded in again] == stage.parts.log.read(6, 1094)
    assert all(properties.headers["replayed"] is True for properties, _ in again)
    assert [properties.message_id for properties, _ in again] == [str(recorded.event_id) for _, recorded in again]


def test_nobody_else_hears_of_it(stage: Stage, late: str) -> None:
    with channel(stage.broker_url) as inside:
        inside.exchange_declare(broker.EXCHANGE, "topic", durable=True)
        inside.queue_declare("mentoring.other", durable=True, arguments={"x-queue-type": "quorum"})
        inside.queue_bind("mentoring.other", broker.EXCHANGE, "#")
        replay(stage.parts.log, stage.broker_url, QUEUE, (1, 50))
        assert inside.basic_get("mentoring.other")[0] is None


def test_types_can_be_chosen_and_it_says_how_far_it_is(stage: Stage, late: str) -> None:
    steps: list[tuple[int, int]] = []
    goals = {"goals.goal_reached"}
    sent = replay(
        stage.parts.log,
        stage.broker_url,
        QUEUE,
        (1, 1200),
        goals,
        lambda position, sent: steps.append((position, sent)),
    )
    assert sent == 12
    assert steps == [(500, 5), (1000, 10), (1200, 12)]
    assert [recorded.position for _, recorded in read(late)] == list(range(100, 1201, 100))


def test_a_queue_that_is_not_there_is_refused_and_not_made(stage: Stage, late: str) -> None:
    for _ in range(2):
        with pytest.raises(QueueUnknown):
            replay(stage.parts.log, stage.broker_url, "sub.nobody", (1, 10))


def command(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "MENTORING_DATABASE_URL": stage.settings.database_url,
        "MENTORING_BROKER_URL": stage.broker_url,
        "MENTORING_SECRETS_DIR": str(stage.settings.secrets_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "services", "replay", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_it_did_or_why_not(stage: Stage, late: str) -> None:
    done = command(stage, "--from", "1101", "--queue", QUEUE)
    assert (done.returncode, done.stdout) == (0, "100 events told to sub.late, up to position 1200\n"), done.stderr
    assert [recorded.position for _, recorded in read(late)] == list(range(1101, 1201))
    for wrong, reason in (
        (("--from", "1", "--queue", "sub.nobody"), "There is no such queue"),
        (("--from", "0", "--queue", QUEUE), "the log holds positions 1 to 1200"),
        (("--from", "9", "--to", "1201", "--queue", QUEUE), "the log holds positions 1 to 1200"),
        (("--from", "1", "--queue", QUEUE, "--types", "goals.goal_lost"), "nobody publishes goals.goal_lost"),
    ):
        done = command(stage, *wrong)
        assert done.returncode == 1 and reason in done.stderr

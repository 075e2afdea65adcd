"""The whole journey, as `make demo` plays it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pika

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import ROOT, Embedded, Fleet, Platform
from deploy.servers import Servers
from tests.outside import admitted

STORY = (
    "declines: on leave until spring",
    "both sign: active",
    "it lacks M, R, T",
    "five of five: reached",
    "closing feedback: completed",
)


def played(platform: Platform) -> list[tuple[str, str]]:
    """What it told is complete; gives the relationship's events, as type and subject, in order."""
    lines: list[str] = []
    with Journey(platform.url, COORDINATOR, platform.password, lines.append) as journey:
        journey.play()
        history = journey.mentee.get(f"/v1/relationships/{journey.relationship}/history")["items"]
    told = "\n".join(lines)
    assert [part for part in STORY if part not in told] == []
    return [(event["type"], event["relationship_id"]) for event in history]


@contextmanager
def subscribed(command: Sequence[str], broker: str, output: Path) -> Iterator[Callable[[], list[tuple[str, str]]]]:
    """An example from the documentation at work; gives the events that it has printed, as type and subject."""
    environment = {**os.environ, "MENTORING_BROKER_URL": broker, "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"}
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT / "docs" / "examples", env=environment, stdout=file, stderr=file)
    try:
        yield lambda: [
            (words[-2], words[-1]) for line in output.read_text().splitlines() if len(words := line.split()) > 1
        ]
    finally:
        process.kill()
        process.wait()


def listening(broker: str, queue: str) -> bool:
    """Whether somebody consumes this queue."""
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        try:
            consumers: int = connection.channel().queue_declare(queue, passive=True).method.consumer_count
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return consumers > 0


def not_for_long(servers: Servers, broker: str) -> list[str]:
    """Whatever anybody has declared that RabbitMQ 4.3 refuses, nameko included."""
    vhost = unquote(urlsplit(broker).path[1:])
    columns = ("name", "durable", "exclusive", "arguments")
    queues = servers.rabbitmq.control("list_queues", "--vhost", vhost, "--no-table-headers", *columns)
    assert "rpc-matching" in queues and "rpc.reply-gateway" in queues
    transient = [queue for queue in queues.splitlines() if "true" not in queue.split("\t")[1:3]]
    prioritised = [queue for queue in queues.splitlines() if "quorum" in queue and "x-max-priority" in queue]
    mirrored = [servers.rabbitmq.policies(vhost)] if "ha-mode" in servers.rabbitmq.policies(vhost) else []
    return [*transient, *prioritised, *mirrored]


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


def test_the_embedded_platform_plays_the_journey_and_every_view_equals_its_rebuild(embedded: Embedded) -> None:
    played(embedded)
    assert "every view equals its rebuild" in embedded.rebuild()


def test_processes_of_their_own_play_it_and_stock_subscribers_hear_all_of_it(
    fleet: Fleet, servers: Servers, tmp_path: Path
) -> None:
    broker = fleet.environment["MENTORING_BROKER_URL"]
    outside = admitted(servers, broker, "journey")
    queues = ("evt-mentoring-#--subscriber.hear", "sub.journey")
    stock = [str(Path(sys.executable).with_name("nameko")), "run", "subscriber_nameko", "--broker", broker]
    plain = [sys.executable, "subscriber_pika.py"]
    with (
        subscribed(stock, broker, tmp_path / "nameko") as by_nameko,
        subscribed(plain, outside, tmp_path / "pika") as by_pika,
    ):
        assert eventually(lambda: all(map(partial(listening, broker), queues)))
        events = played(fleet)
        subject = events[0][1]
        assert eventually(lambda: [event for event in by_pika() if event[1] == subject] == events), by_pika()
        assert eventually(lambda: set(events) <= set(by_nameko())), by_nameko()
        assert not_for_long(servers, broker) == []
    assert "every view equals its rebuild" in fleet.rebuild()


def test_tables_change_places_and_no_process_has_to_start_again(fleet: Fleet) -> None:
    assert "it is live now" in fleet.run("rebuild")
    played(fleet)
    assert "live again" in fleet.run("rebuild", "--back")
    assert "every view equals its rebuild" in fleet.run("rebuild")

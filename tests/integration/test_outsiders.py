"""Who subscribes from outside hears what they may, can do nothing else, and stops nobody."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, AMQPError, ChannelClosedByBroker

from deploy.fleet import Process
from deploy.servers import Servers
from shared import broker
from shared.ids import new_id
from shared.topology import CONNECTIONS, policies, subscriber
from tests.integration.stage import QUEUES_WRITTEN, Stage, eventually
from tests.integration.toy.events import Counted
from tests.integration.toy.heard import Happened
from tests.outside import admitted

OWN = "sub.reports"
INSIDE = "mentoring.toy"
REJECTS = {"x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish"}


@pytest.fixture
def telling(stage: Stage) -> Process:
    relay, toy = stage.relay(), stage.toy()
    for process in (relay, toy):
        process.start()
    for process in (relay, toy):
        process.wait()
    return relay


@pytest.fixture
def reports(stage: Stage, telling: Process, servers: Servers) -> str:
    return admitted(servers, stage.broker_url, "reports")


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def ready_in(stage: Stage, queue: str) -> int:
    with channel(stage.broker_url) as inside:
        return int(inside.queue_declare(queue, passive=True).method.message_count)


def bytes_per_queue(stage: Stage, servers: Servers, limit: int) -> None:
    """As an operator changes what bounds the queues outside."""
    servers.rabbitmq.define(policies(urlsplit(stage.broker_url).path[1:], limit))


FORBIDDEN: dict[str, Callable[[BlockingChannel], Any]] = {
    "publish to the exchange": lambda one: publish(one, broker.EXCHANGE, "matching.request_accepted"),
    "publish to the services' calls": lambda one: publish(one, "nameko-rpc", "toy.count"),
    "publish to a queue inside": lambda one: publish(one, "", INSIDE),
    "publish to their own queue": lambda one: publish(one, "", OWN),
    "declare a queue": lambda one: one.queue_declare("sub.reports.more", durable=True),
    "declare a queue that the broker names": lambda one: one.queue_declare("", exclusive=True),
    "declare a queue that rejects": lambda one: one.queue_declare("sub.full", durable=True, arguments=REJECTS),
    "take the name of a service's queue": lambda one: one.queue_declare("mentoring.later", durable=True),
    "delete their own queue": lambda one: one.queue_delete(OWN),
    "delete a queue inside": lambda one: one.queue_delete(INSIDE),
    "purge a queue inside": lambda one: one.queue_purge(INSIDE),
    "read a queue inside": lambda one: one.basic_get(INSIDE),
    "consume from a queue inside": lambda one: one.basic_consume(INSIDE, print),
    "hear the services' calls": lambda one: one.queue_bind(OWN, "nameko-rpc", "#"),
    "bind a queue inside": lambda one: one.queue_bind(INSIDE, broker.EXCHANGE, "#"),
    "unbind a queue inside": lambda one: one.queue_unbind(INSIDE, broker.EXCHANGE, "#"),
    "bind the exchange elsewhere": lambda one: one.exchange_bind("amq.topic", broker.EXCHANGE, "#"),
    "declare an exchange": lambda one: one.exchange_declare("sub.reports.exchange", "topic"),
    "delete the exchange": lambda one: one.exchange_delete(broker.EXCHANGE),
    "delete the stream": lambda one: one.queue_delete(broker.STREAM),
}


def publish(one: BlockingChannel, exchange: str, routing_key: str) -> None:
    one.confirm_delivery()
    one.basic_publish(exchange, routing_key, b"{}")


def test_a_subscriber_can_do_none_of_what_is_not_theirs(stage: Stage, reports: str) -> None:
    done = []
    for what, attempt in FORBIDDEN.items():
        try:
            with channel(reports) as one:
                attempt(one)
            done.append(what)
        except ChannelClosedByBroker as refused:
            if refused.reply_code != 403:
                done.append(f"{what}: {refused}")
    assert done == []
    counter = new_id()
    stage.happen(Happened(counter_id=counter))
    eventually(lambda: stage.heard(counter, Counted) == 1)


def test_a_subscriber_may_bind_and_unbind_their_queue_read_it_and_read_the_stream(stage: Stage, reports: str) -> None:
    with channel(reports) as one:
        one.queue_bind(OWN, broker.EXCHANGE, "elsewhere.*")
        stage.happen(Happened(counter_id=new_id()))
        eventually(lambda: one.basic_get(OWN, auto_ack=True)[0] is not None)
        one.queue_unbind(OWN, broker.EXCHANGE, "elsewhere.*")
        one.queue_purge(OWN)
        one.basic_qos(prefetch_count=1)
        assert next(one.consume(broker.STREAM, arguments={"x-stream-offset": "first"}))[2]


def test_a_subscriber_has_so_many_connections_and_no_more(stage: Stage, reports: str) -> None:
    connections = [pika.BlockingConnection(pika.URLParameters(reports)) for _ in range(CONNECTIONS)]
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(reports))
    for connection in connections:
        connection.close()


def test_full_unread_and_never_acknowledged_queues_outside_hold_up_nobody(
    stage: Stage, telling: Process, servers: Servers
) -> None:
    bytes_per_queue(stage, servers, 20_000)
    outside = {name: admitted(servers, stage.broker_url, name, "#") for name in ("full", "unread", "hoarding")}
    with channel(outside["hoarding"]) as hoarding:
        hoarding.basic_consume("sub.hoarding", lambda *_: None)
        counters = [new_id() for _ in range(3000)]
        last = stage.happen(*(Happened(counter_id=counter) for counter in counters))
        eventually(lambda: stage.told() >= last)
        eventually(lambda: stage.heard(counters[-1], Counted) == 1, 60)
    assert all(stage.heard(counter, Happened) == 1 for counter in counters[::100])
    assert "refused an event" not in telling.output.read_text()
    assert 0 < ready_in(stage, "sub.unread") < 100  # 20 kB of them: the oldest went
    with channel(outside["unread"]) as late:
        body = late.basic_get("sub.unread", auto_ack=True)[2]
    assert body and broker.from_envelope(body).position > 2900


def test_a_queue_outside_that_the_broker_lost_holds_up_other_outsiders_but_no_service(
    stage: Stage, servers: Servers
) -> None:
    """RabbitMQ 3.10 forgets what is in a quorum queue that is younger than a second when it is killed, not its name."""
    relay, toy = stage.doomed_relay("impatient"), stage.toy()
    for process in (relay, toy):
        process.start()
        process.wait()
    eventually(lambda: stage.consumers(INSIDE) == 1)
    sleep(QUEUES_WRITTEN)
    with suppress(AMQPError), channel(stage.broker_url) as inside:
        inside.queue_declare("sub.young", durable=True, arguments={"x-queue-type": "quorum"})
        inside.queue_bind("sub.young", broker.EXCHANGE, "#")
        servers.rabbitmq.kill()
    servers.rabbitmq.start()
    vhost = urlsplit(stage.broker_url).path[1:]
    lost = "sub.young" in servers.rabbitmq.control("list_unresponsive_queues", "--vhost", vhost, "name")
    counter = new_id()
    last = stage.happen(Happened(counter_id=counter))
    eventually(lambda: stage.heard(counter, Counted) == 1, 15)
    if lost:
        eventually(lambda: metric(relay, "mentoring_relay_confirms_missing_total") > 0)
        assert stage.told() < last
        with channel(stage.broker_url) as inside:
            inside.queue_delete("sub.young")
    eventually(lambda: stage.told() >= last)


def metric(process: Process, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics") as answer:
        found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])


def test_a_trusted_users_unread_queue_is_bounded_too(stage: Stage, telling: Process, servers: Servers) -> None:
    """A stock nameko service's, say, that has been switched off."""
    bytes_per_queue(stage, servers, 20_000)
    with channel(stage.broker_url) as inside:
        inside.queue_declare("evt-mentoring-#--gone.hear", durable=True)
        inside.queue_bind("evt-mentoring-#--gone.hear", broker.EXCHANGE, "#")
    last = stage.happen(*(Happened(counter_id=new_id()) for _ in range(500)))
    eventually(lambda: stage.told() >= last)
    eventually(lambda: 0 < ready_in(stage, "evt-mentoring-#--gone.hear") < 100)


def test_a_queue_inside_is_not_bounded(stage: Stage, telling: Process, servers: Servers) -> None:
    """It holds everything until its service is back."""
    bytes_per_queue(stage, servers, 20_000)
    with channel(stage.broker_url) as inside:
        inside.queue_declare("mentoring.later", durable=True, arguments={"x-queue-type": "quorum"})
        inside.queue_bind("mentoring.later", broker.EXCHANGE, "elsewhere.#")
    stage.happen(*(Happened(counter_id=new_id()) for _ in range(500)))
    eventually(lambda: ready_in(stage, "mentoring.later") == 500)


def test_what_a_service_gives_back_again_and_again_is_not_dropped(stage: Stage, telling: Process) -> None:
    """RabbitMQ 4 drops after 20 times what no policy tells it to keep."""
    with channel(stage.broker_url) as inside:
        inside.queue_declare("mentoring.later", durable=True, arguments={"x-queue-type": "quorum"})
        inside.basic_publish("", "mentoring.later", b"kept")
        for _ in range(30):
            eventually(lambda: _given_back(inside, "mentoring.later"))


def _given_back(inside: BlockingChannel, queue: str) -> bool:
    got = inside.basic_get(queue)[0]
    if got:
        inside.basic_nack(got.delivery_tag, requeue=True)
    return got is not None


def command(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "MENTORING_DATABASE_URL": stage.settings.database_url,
        "MENTORING_BROKER_URL": stage.broker_url,
        "MENTORING_SECRETS_DIR": str(stage.settings.secrets_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "services", "subscriber", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_to_import_and_what_to_hand_over(
    stage: Stage, telling: Process, servers: Servers
) -> None:
    done = command(stage, "add", "dashboards", "--types", "elsewhere.*")
    servers.rabbitmq.define(json.loads(done.stdout))
    url, queue = re.fullmatch(r"for the subscriber: (\S+), queue (\S+)\n", done.stderr).groups()  # type: ignore[union-attr]
    assert str(urlsplit(url).password) not in done.stdout
    stage.happen(Happened(counter_id=new_id()))
    with channel(url) as one:
        eventually(lambda: one.basic_get(queue, auto_ack=True)[0] is not None)
    assert json.loads(command(stage, "policies").stdout) == policies(urlsplit(stage.broker_url).path[1:])
    assert command(stage, "add", "no good").returncode == 1


def test_a_name_that_means_something_in_a_pattern_is_refused() -> None:
    for name in ("", ".*", "Reports", "a b", "a|mentoring", "reports\n"):
        with pytest.raises(ValueError, match="small letters"):
            subscriber(name, "sesame", "/")


def test_a_name_cannot_be_that_of_the_platforms_user() -> None:
    [user] = subscriber("mentoring", "sesame", "/")["users"]
    assert user["name"] == "sub.mentoring"
    assert unquote(user["tags"]) == ""

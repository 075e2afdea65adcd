"""Who subscribes hears the whole journey, in the log's order and without a gap, and what each event says is in clear
JSON but for what people wrote."""

import sys
from pathlib import Path

import orjson
import pika

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Fleet
from deploy.servers import Servers
from tests.e2e.test_faults import PLAYED
from tests.e2e.test_journey import eventually, listening, played, subscribed
from tests.outside import admitted

QUEUE = "mentoring.messaging"
SAID = ("Hello Grace!", "Ada found her way.", "Will you help me into my first job?", "ada@example.org")


def test_a_plain_subscriber_hears_every_type_in_order_without_a_gap(
    fleet: Fleet, servers: Servers, tmp_path: Path
) -> None:
    broker = fleet.environment["MENTORING_BROKER_URL"]
    outside = admitted(servers, broker, "gapless")
    output = tmp_path / "printed"

    def lines() -> list[list[str]]:
        return [line.split() for line in output.read_text().splitlines()]

    with subscribed([sys.executable, "subscriber_pika.py"], outside, output):
        assert eventually(lambda: listening(broker, "sub.gapless"))
        played(fleet)
        assert eventually(lambda: set(PLAYED) <= {kind for _, kind, _ in lines()}), set(PLAYED)
    positions = [int(position) for position, _, _ in lines()]
    assert positions == list(range(positions[0], positions[-1] + 1))


def test_nothing_that_people_wrote_can_be_read_on_the_wire(fleet: Fleet) -> None:
    broker = fleet.environment["MENTORING_BROKER_URL"]
    with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "mentoring.events", "#")
        played(fleet)
        heard: list[bytes] = []

        def types() -> set[str]:
            while (body := channel.basic_get(queue, auto_ack=True)[2]) is not None:
                heard.append(body)
            return {orjson.loads(body)["type"] for body in heard}

        assert eventually(lambda: set(PLAYED) <= types())
    wire = b"\n".join(heard).decode()
    assert "sealed:1:" in wire
    assert [said for said in SAID if said in wire] == []


def test_the_room_opens_although_messagings_queue_was_deleted(fleet: Fleet) -> None:
    broker = fleet.environment["MENTORING_BROKER_URL"]
    with Journey(fleet.url, COORDINATOR, fleet.password, print) as journey:
        journey.enrol()
        journey.find_each_other()
        with pika.BlockingConnection(pika.URLParameters(broker)) as connection:
            connection.channel().queue_delete(QUEUE)
        journey.agree()
        journey.talk()
    assert eventually(lambda: listening(broker, QUEUE))

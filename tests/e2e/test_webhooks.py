"""Webhooks beside the whole platform: all that happens in the journey comes, in order, though the process is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Fleet, free_ports
from deploy.fresh import fresh_environment
from deploy.servers import Servers
from tests.receiver import receiving
from tests.waiting import eventually

ALLOWED = {"MENTORING_WEBHOOKS_ALLOW_PRIVATE": "true"}


@pytest.fixture
def fleet(servers: Servers, tmp_path: Path) -> Iterator[Fleet]:
    with (
        fresh_environment(servers) as environment,
        Fleet({**environment, **ALLOWED}, tmp_path / "platform", free_ports()) as fleet,
    ):
        yield fleet


def test_the_whole_journey_is_told(fleet: Fleet) -> None:
    with Journey(fleet.url, COORDINATOR, fleet.password, print) as journey, receiving() as receiver:
        enrol, *others = journey.steps
        enrol()
        where = f"/v1/programs/{journey.program}/webhooks"
        webhook = journey.coordinator.post(where, url=receiver.url)
        for step in others:
            if step.__name__ == "reach_a_goal":
                fleet.processes["webhooks"].kill()
                fleet.processes["webhooks"].start()
            step()
        history = journey.mentee.get(f"/v1/relationships/{journey.relationship}/history")["items"]
        eventually(lambda: history[-1]["position"] in receiver.positions)
        for received in receiver.received:
            Webhook(webhook["secret"]).verify(received.body, dict(received.headers))
        assert receiver.positions == sorted(receiver.positions)
        told = {one.position: one.event for one in receiver.taken if one.event.get("subject") == journey.relationship}
        assert list(told) == [event["position"] for event in history]
        assert {event["program"] for event in told.values()} == {journey.program}
        eventually(lambda: _position(journey, where, webhook) >= history[-1]["position"])

        journey.coordinator.post(f"{where}/{webhook['webhook_id']}/replays", from_position=1)
        receiver.await_count(len(receiver.received) + 705)
        assert fleet.rebuild().count("every view equals its rebuild") == 1


def _position(journey: Journey, where: str, webhook: dict[str, str]) -> int:
    return int(journey.coordinator.get(f"{where}/{webhook['webhook_id']}")["delivery"]["position"])

"""Whatever is killed at whatever moment: nothing acknowledged is lost, nothing happens twice, views equal a rebuild."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from uuid import uuid4

import httpx
import pytest

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Fleet
from deploy.servers import Servers

PLAYED = {
    "matching.mentor_requested": 1,
    "matching.information_requested": 1,
    "matching.information_given": 1,
    "matching.request_accepted": 1,
    "matching.agreement_proposed": 1,
    "matching.agreement_countered": 1,
    "matching.agreement_signed": 2,
    "matching.relationship_activated": 1,
    "messaging.conversation_opened": 1,
    "messaging.message_posted": 2,
    "messaging.meeting_scheduled": 1,
    "goals.goal_set": 1,
    "goals.progress_recorded": 2,
    "goals.goal_reached": 1,
    "files.upload_started": 1,
    "files.file_shared": 1,
    "matching.conclusion_begun": 1,
    "matching.closing_feedback_given": 2,
    "matching.relationship_completed": 1,
    "messaging.conversation_closed": 1,
}


@pytest.fixture
def journey(fleet: Fleet) -> Iterator[Journey]:
    with Journey(fleet.url, COORDINATOR, fleet.password, print) as journey:
        yield journey


def play(journey: Journey, before: Mapping[str, Callable[[], None]]) -> None:
    """With something done before the steps of these names."""
    for step in journey.steps:
        if disturb := before.get(step.__name__):
            disturb()
        step()


def assert_whole(fleet: Fleet, journey: Journey) -> None:
    """The room closes because messaging hears of the end, so it may close a moment later."""
    until = monotonic() + 30
    told: Counter[str] = Counter()
    while told != PLAYED and monotonic() < until:
        history = journey.mentee.get(f"/v1/relationships/{journey.relationship}/history")["items"]
        told = Counter(event["type"] for event in history)
    assert told == PLAYED
    assert "every view equals its rebuild" in fleet.rebuild()


def test_each_process_is_killed_in_the_middle_of_the_journey(fleet: Fleet, journey: Journey) -> None:
    def restart(*names: str) -> Callable[[], None]:
        def disturb() -> None:
            for name in names:
                fleet.processes[name].kill()
            for name in names:
                fleet.processes[name].start()

        return disturb

    play(
        journey,
        {
            "enrol": restart("identity"),
            "find_each_other": restart("matching", "relay"),
            "agree": restart("gateway"),
            "meet": restart("messaging", "views"),
            "reach_a_goal": restart("goals"),
            "share_a_file": restart("files", "relay"),
            "part_well": restart("matching", "messaging"),
        },
    )
    assert_whole(fleet, journey)


def test_each_server_is_killed_in_the_middle_of_the_journey(fleet: Fleet, journey: Journey, servers: Servers) -> None:
    def restart(name: str) -> Callable[[], None]:
        def disturb() -> None:
            server = next(server for server in servers if server.name == name)
            server.kill()
            server.start()

        return disturb

    play(journey, {"agree": restart("rabbitmq"), "reach_a_goal": restart("postgres"), "share_a_file": restart("minio")})
    assert_whole(fleet, journey)


def test_while_a_service_is_down_its_commands_get_503_and_reads_go_on(fleet: Fleet, journey: Journey) -> None:
    for step in journey.steps[:3]:
        step()
    fleet.processes["matching"].kill()
    where = f"/v1/relationships/{journey.relationship}"
    headers = {"Authorization": f"Bearer {journey.mentee.token}", "Idempotency-Key": str(uuid4())}
    with httpx.Client(base_url=fleet.url, headers=headers, timeout=30) as http:
        asked = monotonic()
        refused = http.post(f"{where}/pause", json={"reason": "I am travelling."})
        assert monotonic() - asked < 7
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert http.get(where).json()["status"] == "active"
        fleet.processes["matching"].start()
        fleet.processes["matching"].wait()
        again = [http.post(f"{where}/pause", json={"reason": "I am travelling."}) for _ in range(2)]
    assert [answer.status_code for answer in again] == [200, 200]
    history = journey.mentee.get(f"{where}/history")["items"]
    assert [event["type"] for event in history].count("matching.relationship_paused") == 1

"""Webhooks over the API of the embedded platform, where they may lead to this machine."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from deploy.fleet import ROOT, free_ports
from tests.e2e.api.people import HEADER, Pair, Person, Programme, new_programme
from tests.receiver import Receiver, receiving
from tests.waiting import eventually

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def where(programme: Programme) -> str:
    return f"/v1/programs/{programme.program_id}/webhooks"


def register(programme: Programme, receiver: Receiver, *types: str) -> dict[str, Any]:
    registered: dict[str, Any] = programme.coordinator.post(where(programme), url=receiver.url, types=types)
    return registered


def delivery(programme: Programme, webhook: dict[str, Any]) -> Any:
    return programme.coordinator.get(f"{where(programme)}/{webhook['webhook_id']}")["delivery"]


def until(programme: Programme, webhook: dict[str, Any], holds: Callable[[Any], bool]) -> Any:
    eventually(lambda: bool((now := delivery(programme, webhook)) and holds(now)))
    return delivery(programme, webhook)


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_happens_is_sent_signed_and_sealed(programme: Programme, receiver: Receiver) -> None:
    webhook = register(programme, receiver)
    assert webhook["secret"].startswith("whsec_")
    people = programme.coordinator.get(f"/v1/programs/{programme.program_id}/people")["items"]
    ada, grace = programme.join("ada"), next(one for one in people if one["external_id"] == "grace")
    message = "Will you mentor me?"
    asked = ada.post(f"{where(programme)[:-9]}/relationships", mentor_id=grace["person_id"], message=message)
    receiver.await_count(1)
    [received] = receiver.received
    event = Webhook(webhook["secret"]).verify(received.body, dict(received.headers))
    assert (event["type"], event["subject"]) == ("matching.mentor_requested", asked["relationship_id"])
    assert received.headers["webhook-id"] == event["id"]
    assert received.headers["content-type"] == "application/cloudevents+json"
    assert event["data"]["message"].startswith("sealed:1:")
    assert message.encode() not in received.body
    now = until(programme, webhook, lambda now: now["position"] >= int(event["position"]))
    assert (now["status"], now["failures"], now["delivered_at"] is not None) == ("delivering", 0, True)


def test_it_is_shown_without_its_secret_and_to_the_coordinator_alone(pair: Pair, receiver: Receiver) -> None:
    programme = pair.programme
    webhook = register(programme, receiver, "matching.*", "goals.goal_set")
    path = f"{where(programme)}/{webhook['webhook_id']}"
    shown = programme.coordinator.get(path)
    assert shown["url"] == receiver.url
    assert (shown["types"], "secret" in shown) == (["matching.*", "goals.goal_set"], False)
    assert [one["webhook_id"] for one in programme.coordinator.get(where(programme))["items"]] == [shown["webhook_id"]]
    for method, at in (("GET", path), ("GET", where(programme)), ("DELETE", path), ("POST", f"{path}/enable")):
        assert pair.mentee.refused(403, method, at)["code"] == "coordinators_only"
        assert Person(pair.mentee.http).refused(401, method, at)["code"] == "unauthenticated"


def test_of_another_programme_it_is_unknown(coordinator: Person, programme: Programme, receiver: Receiver) -> None:
    webhook = register(programme, receiver)
    other = new_programme(coordinator)
    path = f"{where(other)}/{webhook['webhook_id']}"
    for method, at in (("GET", path), ("DELETE", path), ("POST", f"{path}/enable")):
        assert coordinator.refused(404, method, at)["code"] == "webhook_unknown"
    stranger = programme.join("ada")
    assert stranger.refused(404, "GET", where(other))["code"] == "program_unknown"


def test_the_same_key_registers_it_once_and_tells_the_secret_again(programme: Programme, receiver: Receiver) -> None:
    ask = programme.coordinator.ask
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (ask("POST", where(programme), headers=key, json={"url": receiver.url}).json() for _ in range(2))
    assert (first["webhook_id"], first["secret"]) == (again["webhook_id"], again["secret"])
    assert len(programme.coordinator.get(where(programme))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "ftp://example.org/"}, "request_invalid"),
        ({"url": "https://ada:secret@example.org/"}, "request_invalid"),
        ({"url": "https://example.org/", "types": ["goals"]}, "request_invalid"),
        ({"url": "https://example.org/", "types": ["goals.goal_sett"]}, "event_type_unknown"),
        ({"url": "https://example.org/", "types": ["golas.*"]}, "event_type_unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(programme: Programme, body: dict[str, Any], code: str) -> None:
    problem = programme.coordinator.refused(422, "POST", where(programme), json=body)
    assert problem["code"] == code
    assert "secret" not in str(problem)


def test_it_gets_the_events_of_its_programme_and_of_its_types_alone(
    coordinator: Person, programme: Programme, receiver: Receiver
) -> None:
    with receiving() as of_goals, receiving() as of_another:
        register(programme, receiver)
        register(programme, of_goals, "goals.*")
        register(new_programme(coordinator), of_another)
        programme.join("ada")
        roster = f"{HEADER}\nlin,mentee,,CN,UTC,en,,,\n"
        csv = {"Content-Type": "text/csv"}
        at = f"/v1/programs/{programme.program_id}/roster"
        assert coordinator.ask("POST", at, content=roster, headers=csv).json()["added"] == 1
        receiver.await_count(3)
        assert {one.event["program"] for one in receiver.received} == {programme.program_id}
        assert receiver.types() == [
            "identity.webhook_registered",
            "identity.person_enrolled",
            "identity.roster_imported",
        ]
        assert (of_goals.received, of_another.received) == ([], [])


def test_after_it_was_removed_it_gets_nothing_more(programme: Programme, receiver: Receiver) -> None:
    webhook = register(programme, receiver)
    with receiving() as staying:
        register(programme, staying)
        receiver.await_count(1)
        removed = programme.coordinator.delete(f"{where(programme)}/{webhook['webhook_id']}")
        assert removed["webhook_id"] == webhook["webhook_id"]
        programme.coordinator.refused(404, "GET", f"{where(programme)}/{webhook['webhook_id']}")
        with receiving() as last:
            register(programme, last)
            eventually(lambda: "identity.webhook_registered" in staying.types())
        assert "identity.webhook_removed" in staying.types()
        assert len(receiver.received) == 1


def test_it_is_replayed_from_any_position(pair: Pair, receiver: Receiver) -> None:
    webhook = register(pair.programme, receiver, "matching.*")
    path = f"{where(pair.programme)}/{webhook['webhook_id']}"
    pair.programme.coordinator.post(f"{path}/replays", from_position=1)
    history = pair.mentee.get(f"{pair.path}/history")["items"]
    told = [one["position"] for one in history if one["type"].startswith("matching.")]
    receiver.await_count(len(told))
    assert receiver.positions == told
    pair.programme.coordinator.post(f"{path}/replays", from_position=told[-2])
    receiver.await_count(len(told) + 2)
    assert receiver.positions == told + told[-2:]
    assert pair.programme.coordinator.refused(422, "POST", f"{path}/replays", json={"from_position": 0})


def test_who_says_that_he_is_gone_is_disabled_until_enabled(pair: Pair, receiver: Receiver) -> None:
    webhook = register(pair.programme, receiver, "matching.*")
    path = f"{where(pair.programme)}/{webhook['webhook_id']}"
    receiver.answer = lambda _: (410, {})
    pair.post(pair.mentee, "pause", reason="I am travelling.")
    gone = until(pair.programme, webhook, lambda now: now["status"] == "disabled")
    assert (gone["failure"], gone["failures"]) == ("status_410", 1)
    pair.post(pair.mentee, "resume")
    receiver.answer = lambda _: (200, {})
    assert len(receiver.received) == 1
    pair.programme.coordinator.post(f"{path}/enable")
    receiver.await_count(3)
    assert receiver.types() == ["matching.relationship_paused", "matching.relationship_resumed"]


def test_what_fails_is_sent_again_and_what_follows_waits_while_others_are_served(
    pair: Pair, receiver: Receiver
) -> None:
    """The first pause of the schedule is five seconds."""
    failing = register(pair.programme, receiver, "matching.*")
    receiver.answer = lambda received: (500 if not receiver.received else 200, {})
    with receiving() as other:
        register(pair.programme, other, "matching.*")
        began = time.monotonic()
        pair.post(pair.mentee, "pause", reason="I am travelling.")
        pair.post(pair.mentee, "resume")
        other.await_count(2, seconds=4)
        now = until(pair.programme, failing, lambda now: now["failures"] == 1)
        assert (now["status"], now["failure"]) == ("retrying", "status_500")
        receiver.await_count(3)
        assert time.monotonic() - began > 4
        assert receiver.positions == other.positions
        assert len({one.headers["webhook-id"] for one in receiver.received[:2]}) == 1


def test_a_slow_receiver_holds_up_nobody_else(pair: Pair, receiver: Receiver) -> None:
    register(pair.programme, receiver, "matching.*")
    served = threading.Event()
    with receiving() as other:
        receiver.answer = lambda _: (200 if served.wait(10) else 500, {})
        register(pair.programme, other, "matching.*")
        pair.post(pair.mentee, "pause", reason="I am travelling.")
        other.await_count(1, seconds=5)
        assert receiver.received == []
        served.set()
        receiver.await_count(1)


def test_the_receiver_that_the_documentation_shows_takes_what_is_ours_and_nothing_else(
    pair: Pair, tmp_path: Path
) -> None:
    example = (EXAMPLES / "webhook_receiver.py").read_text()
    shown = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "webhooks.md").read_text(), re.DOTALL)
    assert all(part in example for part in shown) and len(shown) == 1
    port = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    webhook = pair.programme.coordinator.post(where(pair.programme), url=url, types=["matching.*"])
    command = [sys.executable, str(EXAMPLES / "webhook_receiver.py"), str(port)]
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        environment = {**os.environ, "WEBHOOK_SECRET": webhook["secret"]}
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(port))
        pair.post(pair.mentee, "pause", reason="I am travelling.")
        subject = pair.path.rsplit("/", 1)[1]
        eventually(lambda: printed.read_text() == f"matching.relationship_paused {subject}\n")
        forged = {"webhook-id": "1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
        assert httpx.post(url, headers=forged, content=b"{}").status_code == 401
    finally:
        process.kill()
        process.wait()
    assert delivery(pair.programme, webhook)["failures"] == 0

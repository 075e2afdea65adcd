"""A person has all that is known of her, and then is forgotten."""

import hashlib
import io
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zipfile import ZipFile

import pytest
from fastapi import FastAPI

from services.gateway.parts import Gateway
from shared.log.hashing import Intact, verify
from tests.e2e.api.people import GOAL, PASSWORD, ROSTER, Pair, Person, Programme, in_days, sign_in

LETTER = b"Dear Grace, this is my plan."


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.02)


def share(pair: Pair, by: Person, content: bytes = LETTER) -> str:
    file = pair.post(
        by,
        "files",
        name="plan.txt",
        content_type="text/plain",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    form = file["upload"]
    by.http.put(urlsplit(form["url"]).path, headers=form["headers"], content=content).raise_for_status()
    by.post(f"/v1/files/{file['file_id']}/completion")
    return str(file["file_id"])


def live_together(pair: Pair) -> None:
    pair.post(pair.mentee, "messages", text="Hello Grace")
    pair.post(pair.mentor, "messages", text="Hello Ada")
    pair.post(pair.mentee, "meetings", title="Our call", starts_at=in_days(3), duration_minutes=30, time_zone="UTC")
    pair.post(pair.mentee, "goals", **{**GOAL, "due": in_days(90)[:10]})


def erase(person: Person, **body: Any) -> Any:
    return person.post(f"/v1/people/{person.person_id}/erasure", **{"password": PASSWORD, **body})


def unpacked(person: Person) -> dict[str, str]:
    answer = person.ask("GET", f"/v1/people/{person.person_id}/export")
    assert answer.is_success, answer.text
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_everything_about_oneself_is_in_the_export(pair: Pair) -> None:
    live_together(pair)
    file_id = share(pair, pair.mentee)
    files = unpacked(pair.mentee)
    folder = f"relationships/{pair.path.rsplit('/', 1)[1]}"
    lines = {
        name.removeprefix(folder + "/"): [json.loads(line) for line in text.splitlines()]
        for name, text in files.items()
        if name.endswith(".jsonl")
    }
    assert "All that this platform knows about you" in files["README.txt"]
    assert json.loads(files["account.json"])["display_name"] == "Ada"
    assert [one["headline"] for one in lines["enrolments.jsonl"]] == ["Self-taught developer"]
    assert [one["text"] for one in lines["messages.jsonl"]] == ["Hello Grace", "Hello Ada"]
    assert [one["title"] for one in lines["meetings.jsonl"]] == ["Our call"]
    assert [one["title"] for one in lines["goals.jsonl"]] == [GOAL["title"]]
    assert [one["name"] for one in lines["files.jsonl"]] == ["plan.txt"]
    assert files[f"files/{file_id}/plan.txt"] == LETTER.decode()
    assert json.loads(files[f"{folder}/relationship.json"])["message"] == "Will you mentor me?"
    kinds = {one["type"] for one in [*lines["events.jsonl"], *json_lines(files["events.jsonl"])]}
    assert {"identity.person_enrolled", "identity.invitation_accepted", "messaging.message_posted"} <= kinds


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_mentors_export_holds_no_more_of_the_other_than_she_may_read(pair: Pair, programme: Programme) -> None:
    files = unpacked(pair.mentor)
    assert "Self-taught developer" in files[f"relationships/{pair.path.rsplit('/', 1)[1]}/relationship.json"]
    assert "Student" not in "".join(files.values())
    assert pair.mentee.refused(403, "GET", f"/v1/people/{pair.mentor.person_id}/export")["code"] == "own_data_only"
    assert "enrolments.jsonl" in unpacked(programme.coordinator)


def test_who_was_erased_is_shown_as_erased_and_can_do_nothing_more(pair: Pair, app: FastAPI) -> None:
    live_together(pair)
    file_id = share(pair, pair.mentee)
    email = pair.mentee.get("/v1/me")["email"]
    answer = erase(pair.mentee)
    assert answer["person_id"] == pair.mentee.person_id and answer["erased_at"]
    for method, path in (("GET", "/v1/me"), ("GET", f"/v1/people/{pair.mentee.person_id}/export"), ("GET", pair.path)):
        assert pair.mentee.refused(410, method, path)["code"] == "person_erased"
    body = {"email": email, "password": PASSWORD}
    assert Person(pair.mentor.http).refused(401, "POST", "/v1/sessions", json=body)["code"] == "credentials_wrong"

    eventually(lambda: bool(pair.mentor.get(pair.path)["status"] == "ended"))
    shown = pair.mentor.get(pair.path)
    assert shown["mentee"]["erased"] and not shown["mentor"]["erased"]
    assert (shown["mentee"]["display_name"], shown["mentee"]["headline"], shown["message"]) == (None, None, None)
    assert shown["reason"] is None
    assert [one["text"] for one in pair.mentor.get(f"{pair.path}/messages")["items"]] == [None, "Hello Ada"]
    assert [one["title"] for one in pair.mentor.get(f"{pair.path}/goals")["items"]] == [None]
    assert [one["title"] for one in pair.mentor.get(f"{pair.path}/meetings")["items"]] == [None]
    assert "SUMMARY:Meeting" in pair.mentor.ask("GET", f"{pair.path}/calendar.ics").text
    assert pair.mentor.get(pair.path, as_of=shown["last_at"])["status"] == "ended"
    history = pair.mentor.get(f"{pair.path}/history")["items"]
    assert {one["type"] for one in history} >= {"matching.relationship_dissolved"}
    eventually(lambda: pair.mentor.get(f"{pair.path}/files")["items"] == [])
    assert pair.mentor.refused(410, "GET", f"/v1/files/{file_id}/download")["code"] == "file_gone"
    gateway: Gateway = app.state.gateway
    folder = gateway.settings.data_dir / "files"
    eventually(lambda: not (folder / file_id).exists())
    assert verify(gateway.log) == Intact(gateway.log.head())
    refused = pair.mentor.refused(409, "POST", f"{pair.path}/messages", json={"text": "Are you there?"})
    assert refused["code"] == "conversation_closed"


def test_the_email_of_who_was_erased_is_free_again(pair: Pair, programme: Programme) -> None:
    email = pair.mentee.get("/v1/me")["email"]
    erase(pair.mentee)
    [invited] = programme.coordinator.post(f"/v1/programs/{programme.program_id}/invitations", external_ids=["edsger"])[
        "items"
    ]
    accepted = {"token": invited["token"], "email": email, "password": "another password", "display_name": "Edsger"}
    Person(pair.mentor.http).post("/v1/invitations/accept", **accepted)
    assert sign_in(pair.mentor.http, email, "another password").get("/v1/me")["display_name"] == "Edsger"


def test_without_the_password_nobody_is_erased(pair: Pair) -> None:
    path = f"/v1/people/{pair.mentee.person_id}/erasure"
    assert pair.mentee.refused(403, "POST", path, json={"password": "a guess"})["code"] == "password_wrong"
    assert pair.mentor.refused(403, "POST", path, json={"password": PASSWORD})["code"] == "own_account_only"
    assert pair.mentee.get("/v1/me")["display_name"] == "Ada"


def test_the_coordinator_erases_somebody_of_her_programme(pair: Pair, programme: Programme) -> None:
    coordinator = programme.coordinator
    path = f"/v1/programs/{programme.program_id}/people/{pair.mentor.person_id}/erasure"
    body = {"reason": "consent_withdrawn"}
    assert pair.mentee.refused(403, "POST", path, json=body)["code"] == "coordinators_only"
    unknown = path.replace(pair.mentor.person_id, str(uuid4()))
    assert coordinator.refused(404, "POST", unknown, json=body)["code"] == "person_unknown"
    coordinator.post(path, **body)
    assert pair.mentor.refused(410, "GET", "/v1/me")["code"] == "person_erased"
    coordinator.post(path, **body)
    people = coordinator.get(f"/v1/programs/{programme.program_id}/people")["items"]
    [grace] = [one for one in people if one["person_id"] == pair.mentor.person_id]
    assert grace["erased_at"] and grace["external_id"] == "grace"
    eventually(lambda: coordinator.get(f"/v1/programs/{programme.program_id}/people")["items"][-1]["headline"] is None)
    eventually(lambda: bool(pair.mentee.get(pair.path)["status"] == "ended"))
    recommended = pair.mentee.get(f"/v1/programs/{programme.program_id}/recommendations")["items"]
    assert [one["external_id"] for one in recommended] == ["barbara"]
    asked = {"mentor_id": pair.mentor.person_id, "message": "Again?"}
    path = f"/v1/programs/{programme.program_id}/relationships"
    assert pair.mentee.refused(404, "POST", path, json=asked)["code"] == "mentor_unknown"


def test_a_roster_in_which_somebody_was_erased_goes_in_without_her(pair: Pair, programme: Programme) -> None:
    erase(pair.mentee)
    roster = f"/v1/programs/{programme.program_id}/roster"
    text = ROSTER.replace("Student", "Professor")
    told = programme.coordinator.ask("POST", roster, content=text, headers={"Content-Type": "text/csv"}).json()
    assert (told["added"], told["changed"], told["unchanged"]) == (0, 1, 2)
    assert told["rejected"] == [{"line": 2, "external_id": "ada", "reason": "this person was erased"}]
    invited = programme.coordinator.post(f"/v1/programs/{programme.program_id}/invitations", external_ids=["ada"])
    assert invited == {"items": [], "skipped": [{"external_id": "ada", "code": "person_unknown"}]}


def test_the_programmes_coordinator_stays(coordinator: Person) -> None:
    path = f"/v1/people/{coordinator.person_id}/erasure"
    body = {"password": "a coordinator's password"}
    assert coordinator.refused(409, "POST", path, json=body)["code"] == "coordinator_stays"


@pytest.mark.parametrize("how", ["cold", "warm"])
def test_an_erased_persons_token_is_good_for_nothing(pair: Pair, programme: Programme, how: str) -> None:
    """Whether or not the gateway has just seen it."""
    if how == "warm":
        pair.mentor.get("/v1/me")
    path = f"/v1/programs/{programme.program_id}/people/{pair.mentor.person_id}/erasure"
    programme.coordinator.post(path, reason="no_longer_needed")
    pair.mentor.refused(410, "POST", f"{pair.path}/messages", json={"text": "I am still here"})

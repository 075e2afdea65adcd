"""People who use the API."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "correct horse battery staple"
HEADER = "external_id,role,headline,country,timezone,languages,skills,wants,capacity"
ROSTER = f"""{HEADER}
ada,mentee,Self-taught developer,IN,Asia/Kolkata,en;hi,,ui;reactjs;web,
edsger,mentee,Student,NL,Europe/Amsterdam,nl,,algorithms,
grace,mentor,Engineer,US,America/New_York,en,javascript;react;web,,2
barbara,mentor,Architect,US,America/Los_Angeles,en,java;architecture,,1
"""
TERMS = {"scope": "A first job", "frequency": "weekly", "nature": "career", "duration_weeks": 12}
GOAL = {
    "title": "Finish mock interviews",
    "measure": "mock interviews finished",
    "unit": "interviews",
    "baseline": 0,
    "target": 5,
    "relevance": "Interviews are what stands between me and a job",
}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, or nobody with an empty token."""

    http: httpx.Client
    person_id: str = ""
    token: str = ""

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> httpx.Response:
        authorized = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.request(method, path, headers={**authorized, **(headers or {})}, **how)

    def get(self, path: str, **query: Any) -> Any:
        return _good(self.ask("GET", path, params=query))

    def post(self, path: str, **body: Any) -> Any:
        return _good(self.ask("POST", path, json=body))

    def delete(self, path: str, **body: Any) -> Any:
        return _good(self.ask("DELETE", path, json=body))

    def refused(self, status: int, method: str, path: str, **how: Any) -> Any:
        """The problem document of a request that is refused with this status."""
        answer = self.ask(method, path, **how)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["correlation_id"] == answer.headers["x-correlation-id"]
        return problem

    @contextmanager
    def feed(self, **query: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """The live events, as they come."""
        headers = {"Authorization": f"Bearer {self.token}", **query.pop("headers", {})}
        with self.http.stream("GET", "/v1/feed", params=query, headers=headers) as stream:
            assert stream.status_code == 200, stream.read()
            lines = stream.iter_lines()
            assert next(lines) == ": connected"
            yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


@dataclass(frozen=True)
class Programme:
    """One programme, and those of its people who have joined."""

    coordinator: Person
    program_id: str

    def join(self, external_id: str) -> Person:
        [invited] = self.coordinator.post(f"/v1/programs/{self.program_id}/invitations", external_ids=[external_id])[
            "items"
        ]
        http, email = self.coordinator.http, f"{external_id}-{uuid4().hex}@example.org"
        accepted = {
            "token": invited["token"],
            "email": email,
            "password": PASSWORD,
            "display_name": external_id.title(),
        }
        Person(http).post("/v1/invitations/accept", **accepted)
        return sign_in(http, email)


@dataclass(frozen=True)
class Pair:
    """Ada and Grace, and their relationship."""

    mentee: Person
    mentor: Person
    programme: Programme
    path: str

    def post(self, by: Person, what: str, **body: Any) -> Any:
        return by.post(f"{self.path}/{what}", **body)


def sign_in(http: httpx.Client, email: str, password: str = PASSWORD) -> Person:
    session = Person(http).post("/v1/sessions", email=email, password=password)
    return Person(http, session["person_id"], session["access_token"])


def new_programme(coordinator: Person) -> Programme:
    program = coordinator.post("/v1/programs", name="Women into web engineering")
    programme = Programme(coordinator, program["program_id"])
    imported = coordinator.ask(
        "POST", f"/v1/programs/{programme.program_id}/roster", content=ROSTER, headers={"Content-Type": "text/csv"}
    )
    assert imported.json()["added"] == 4, imported.text
    return programme


def new_pair(programme: Programme) -> Pair:
    """Ada has asked Grace."""
    ada, grace = programme.join("ada"), programme.join("grace")
    asked = ada.post(
        f"/v1/programs/{programme.program_id}/relationships", mentor_id=grace.person_id, message="Will you mentor me?"
    )
    return Pair(ada, grace, programme, f"/v1/relationships/{asked['relationship_id']}")


def activate(pair: Pair) -> Pair:
    """They agree, and messaging has opened their room."""
    pair.post(pair.mentor, "accept")
    pair.post(pair.mentee, "proposals", **TERMS)
    pair.post(pair.mentor, "signatures", number=1)
    assert pair.post(pair.mentee, "signatures", number=1)["status"] == "active"
    until = time.monotonic() + 5
    while not _room_is_seen(pair):
        assert time.monotonic() < until
        time.sleep(0.01)
    return pair


def _room_is_seen(pair: Pair) -> bool:
    last = pair.mentee.get(f"{pair.path}/history")["items"][-1]
    seen = pair.mentee.get(pair.path)["position"]
    return bool(last["type"] == "messaging.conversation_opened" and last["position"] <= seen)


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json() if answer.content else None

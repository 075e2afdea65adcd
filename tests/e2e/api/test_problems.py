"""What bad input gets: a problem document with a code, always."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.database import open_database
from shared.messages import Command
from shared.refusals import Unavailable
from shared.service import Context, Done
from tests.e2e.api.people import Pair, Person, Programme

NOBODYS = UUID("00000000-0000-4000-8000-000000000001")


class Broken:
    """A bus with a bug."""

    async def send(self, service: str, command: Command, context: Context) -> Done:
        raise ZeroDivisionError("a secret of the inside")


class Down:
    """A bus whose services do not answer."""

    async def send(self, service: str, command: Command, context: Context) -> Done:
        raise Unavailable()


Behind = Callable[..., Person]


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "how"),
    [
        (404, "not_found", "GET", "/v1/nothing", {}),
        (405, "method_not_allowed", "PUT", "/v1/programs", {}),
        (
            400,
            "json_malformed",
            "POST",
            "/v1/programs",
            {"content": b"{", "headers": {"Content-Type": "application/json"}},
        ),
        (
            400,
            "bad_request",
            "POST",
            "/v1/programs",
            {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
        ),
        (422, "request_invalid", "POST", "/v1/programs", {"json": {}}),
        (422, "request_invalid", "POST", "/v1/programs", {"json": {"name": "x", "more": 1}}),
        (422, "request_invalid", "POST", "/v1/programs", {"json": {"name": "x\0y"}}),
        (
            422,
            "request_invalid",
            "POST",
            "/v1/programs",
            {"content": b'{"name": "\\ud800"}', "headers": {"Content-Type": "application/json"}},
        ),
        (
            422,
            "request_invalid",
            "POST",
            "/v1/programs",
            {"content": b'{"name": "x"}', "headers": {"Content-Type": "text/plain"}},
        ),
        (422, "request_invalid", "GET", "/v1/relationships/not-an-id", {}),
        (422, "request_invalid", "POST", "/v1/programs", {"json": {"name": "x"}, "headers": {"Idempotency-Key": ""}}),
        (413, "body_too_large", "POST", "/v1/programs", {"json": {"name": "x" * 2**20}}),
        (404, "relationship_unknown", "GET", f"/v1/relationships/{NOBODYS}", {}),
        (404, "program_unknown", "GET", f"/v1/programs/{NOBODYS}", {}),
        (404, "goal_unknown", "GET", f"/v1/goals/{NOBODYS}", {}),
        (404, "file_unknown", "GET", f"/v1/files/{NOBODYS}", {}),
        (404, "meeting_unknown", "GET", f"/v1/meetings/{NOBODYS}", {}),
    ],
)
def test_bad_input_is_told_apart_by_its_code(
    coordinator: Person, status: int, code: str, method: str, path: str, how: dict[str, Any]
) -> None:
    assert coordinator.refused(status, method, path, **how)["code"] == code


def test_a_body_is_measured_as_it_comes(coordinator: Person) -> None:
    pieces = (b" " * 2**16 for _ in range(17))
    json = {"Content-Type": "application/json"}
    problem = coordinator.refused(413, "POST", "/v1/programs", content=pieces, headers=json)
    assert problem["code"] == "body_too_large"


@pytest.mark.parametrize(("rows", "status"), [(60_000, 200), (160_000, 413)])
def test_a_roster_may_be_larger_than_other_bodies(programme: Programme, rows: int, status: int) -> None:
    csv = "external_id,role,headline,country,timezone,languages\n" + ("," * 34 + "\n") * rows
    path = f"/v1/programs/{programme.program_id}/roster"
    answer = programme.coordinator.ask("POST", path, content=csv, headers={"Content-Type": "text/csv"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("csv", "code"), [(b"\xff", "roster_unreadable"), (b"a\0b", "roster_unreadable"), (b"a,b", "columns_missing")]
)
def test_a_file_that_is_no_roster_is_refused(programme: Programme, csv: bytes, code: str) -> None:
    path = f"/v1/programs/{programme.program_id}/roster"
    assert programme.coordinator.refused(422, "POST", path, content=csv)["code"] == code


def test_who_guesses_passwords_is_told_to_wait(http: httpx.Client) -> None:
    body = {"email": f"{uuid4().hex}@example.org", "password": "a guess"}
    answers = [http.post("/v1/sessions", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 60
    assert answers[-1].json()["code"] == "too_many_attempts"


def test_a_refusal_repeats_nothing_of_what_was_sent(http: httpx.Client) -> None:
    body = {"email": "no address", "password": "a secret", "more": "of it"}
    problem = Person(http).refused(422, "POST", "/v1/sessions", json=body)
    assert "a secret" not in str(problem)
    assert {error["at"] for error in problem["facts"]["errors"]} == {"body.email", "body.more"}


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic YTpi", "Bearer a.b.c"])
def test_who_is_not_signed_in_is_asked_to(http: httpx.Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = http.get("/v1/me", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_callers_correlation_id_comes_back_and_stands_in_the_history(pair: Pair, app: FastAPI) -> None:
    mine = str(uuid4())
    answer = pair.mentee.ask(
        "POST", f"{pair.path}/messages", json={"text": "Hello"}, headers={"X-Correlation-Id": mine}
    )
    assert answer.headers["x-correlation-id"] == mine
    log = app.state.gateway.log
    assert str(log.read(answer.json()["position"] - 1, 1)[0].correlation_id) == mine
    assert pair.mentee.ask("GET", pair.path, headers={"X-Correlation-Id": 'x"y'}).headers["x-correlation-id"] != 'x"y'


def test_a_bug_is_logged_once_and_tells_nothing(
    programme: Programme, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = behind(programme.coordinator, bus=Broken())
    with caplog.at_level(logging.ERROR):
        problem = coordinator.refused(500, "POST", "/v1/programs", json={"name": "x"})
    assert problem["code"] == "internal_error"
    assert "secret" not in str(problem)
    [logged] = [record for record in caplog.records if record.exc_info]
    assert vars(logged)["correlation_id"] == problem["correlation_id"]


def test_reads_go_on_while_a_service_is_down(pair: Pair, behind: Behind) -> None:
    ada = behind(pair.mentee, bus=Down())
    answer = ada.ask("POST", f"{pair.path}/messages", json={"text": "Hello"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"
    assert ada.get(pair.path)["status"] == "active"
    assert ada.get(f"{pair.path}/messages")["items"] == []


def test_without_the_views_the_answer_is_503(pair: Pair, behind: Behind, tmp_path: Path) -> None:
    (tmp_path / "views.db").mkdir()
    ada = behind(pair.mentee, database=open_database(f"sqlite:///{tmp_path}", "views"))
    assert ada.refused(503, "GET", pair.path)["code"] == "unavailable"
    assert ada.refused(503, "GET", "/readyz")["code"] == "unavailable"
    assert ada.get("/livez") == {"status": "live"}

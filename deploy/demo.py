"""One mentoring journey, played over the public API and told as a person would tell it: `python -m deploy.demo`."""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

import httpx

from deploy.fleet import ROOT, Embedded, Fleet, Platform, free_ports
from deploy.fresh import fresh_environment
from deploy.servers import Servers, held

ROSTER = ROOT / "docs" / "examples" / "roster"
PATIENCE_SECONDS = 60.0
FEED_SECONDS = 10.0
COORDINATOR = "coordinator@example.org"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who do not exist
NOTES = b"# Notes from our first meeting\n\n1. Read the accessibility guidelines.\n2. Fix the contrast.\n"

GOAL = {
    "title": "Finish mock interviews with feedback from an engineer",
    "measure": "mock interviews finished",
    "unit": "interviews",
    "baseline": 0,
    "target": 5,
    "relevance": "Interviews are what stands between me and a job",
}

Tell = Callable[[str], None]


class DemoFailed(RuntimeError):
    """The platform answered otherwise than the journey needs."""


@dataclass
class Person:
    """Somebody at the API; signed in when there is a token."""

    http: httpx.Client
    token: str | None = None

    def get(self, path: str, **parameters: Any) -> Any:
        return self._ask("GET", path, params=parameters)

    def post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def post_csv(self, path: str, text: str) -> Any:
        return self._ask("POST", path, content=text.encode(), headers={"Content-Type": "text/csv"})

    def text(self, path: str) -> str:
        answer = self.http.get(path, headers=self._authorized())
        answer.raise_for_status()
        return answer.text

    @contextmanager
    def listening(self) -> Iterator[Callable[[str], dict[str, Any]]]:
        """The live feed: within the context, `told(type)` waits for the next event of that type."""
        with self.http.stream("GET", "/v1/feed", headers=self._authorized(), timeout=FEED_SECONDS) as feed:
            if feed.is_error:
                raise DemoFailed(f"the feed answers {feed.status_code}")
            events = (json.loads(line.removeprefix("data:")) for line in feed.iter_lines() if line.startswith("data:"))
            yield lambda kind: next(event for event in events if event["type"] == kind)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> httpx.Response:
        """As a careful client asks: under one idempotency key, and again when the platform says later."""
        key = {} if method == "GET" else {"Idempotency-Key": str(uuid4())}
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.http.request(
                    method, path, headers={**self._authorized(), **key, **(headers or {})}, **how
                )
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
                continue
            if answer.status_code != 503 or time.monotonic() > until:
                return answer
            time.sleep(float(answer.headers["Retry-After"]))

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        """What was asked for; when it was only accepted, as soon as the views show it."""
        answer = self.ask(method, path, **how)
        if answer.is_error:
            raise DemoFailed(f"{method} {path}: {answer.status_code} {answer.text}")
        body = answer.json()
        return self._await(body["location"], body["position"]) if answer.status_code == 202 else body

    def _await(self, location: str, position: int) -> Any:
        """All that belongs to a relationship moves its position."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = self.http.get(location, headers=self._authorized())
            if found.status_code == 200:
                body = found.json()
                shown = body
                if "position" not in body and "relationship_id" in body:
                    shown = self.get(f"/v1/relationships/{body['relationship_id']}")
                if shown.get("position", position) >= position:
                    return body
            time.sleep(0.2)
        raise DemoFailed(f"{location} does not show what was accepted at {position}")

    def _authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass
class Journey:
    """From the roster to a completed relationship, step by step; each step can be played on its own, in this order."""

    url: str
    email: str
    password: str
    tell: Tell
    relationship: str = ""
    program: str = ""

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def play(self) -> None:
        for step in self.steps:
            step()

    @property
    def steps(self) -> Sequence[Callable[[], None]]:
        return (
            self.enrol,
            self.find_each_other,
            self.agree,
            self.talk,
            self.meet,
            self.reach_a_goal,
            self.share_a_file,
            self.part_well,
            self.look_back,
        )

    def enrol(self) -> None:
        self.coordinator = self._sign_in(self.email, self.password)
        self.program = self.coordinator.post("/v1/programs", name="Women into web engineering")["program_id"]
        self.tell("The coordinator signs in and creates the programme “Women into web engineering”.")
        for name in ("mentors.csv", "mentees.csv"):
            report = self.coordinator.post_csv(f"/v1/programs/{self.program}/roster", (ROSTER / name).read_text())
            self.tell(f"She imports {name}: {report['added']} people, {len(report['rejected'])} rows rejected.")
        again = self.coordinator.post_csv(f"/v1/programs/{self.program}/roster", (ROSTER / "mentors.csv").read_text())
        self.tell(f"The same file again changes nothing: {again['unchanged']} rows are as they were.")

    def find_each_other(self) -> None:
        self.mentee = self._join("mentee-004", "Ada", "ada@example.org")
        ranked = self.mentee.get(f"/v1/programs/{self.program}/recommendations")["items"]
        self.tell(f"Ada (mentee-004) joins and asks who could mentor her; {len(ranked)} are proposed. The best three:")
        for one in ranked[:3]:
            reasons = "; ".join(reason["text"] for reason in one["reasons"])
            self.tell(f"    {one['external_id']}, {one['score']:.0f} of 100: {reasons}")
        first, second = ranked[0], ranked[1]
        declined = self._request(first["mentor_id"], "I would like to learn how you build interfaces.")
        busy = self._join(first["external_id"], "Barbara", "barbara@example.org")
        busy.post(f"/v1/relationships/{declined}/decline", reason="I am on leave until spring.")
        self.tell(f"She asks {first['external_id']}, who declines: on leave until spring.")
        self.relationship = self._request(second["mentor_id"], "Will you help me into my first job?")
        self.mentor = self._join(second["external_id"], "Grace", "grace@example.org")
        self.mentor.post(self._at("question"), question="How many hours a week do you have?")
        self.mentee.post(self._at("answer"), answer="Six, mostly in the evening.")
        self.mentor.post(self._at("accept"))
        self.tell(f"She asks {second['external_id']}, Grace, who wants to know her hours, hears “six”, and accepts.")

    def agree(self) -> None:
        terms = {
            "scope": "A first job in web engineering",
            "frequency": "weekly",
            "nature": "career",
            "duration_weeks": 12,
        }
        self.mentee.post(self._at("proposals"), **terms)
        countered = self.mentor.post(
            self._at("proposals"), **{**terms, "frequency": "fortnightly", "duration_weeks": 26}
        )
        number = countered["agreement"]["number"]
        early = [
            self._refused("messages", text="Hello?"),
            self._refused("goals", **GOAL),
            self._refused("files", name="notes.md", content_type="text/markdown", size=1, sha256="0" * 64),
        ]
        self.tell(f"Until both have signed, messages, goals and files are refused: {', '.join(early)}.")
        self.mentee.post(self._at("signatures"), number=number)
        signed = self.mentor.post(self._at("signatures"), number=number)
        self.agreed_at = datetime.now(UTC)
        self.tell(f"Ada proposes every week for 12 weeks, Grace every fortnight for 26; both sign: {signed['status']}.")

    def talk(self) -> None:
        said = ["Hello Grace!", "Hello Ada, how was your week?"]
        with self.mentor.listening() as told:
            self.mentee.post(self._at("messages"), text=said[0])
            live = told("messaging.message_posted")["data"]["text"]
        self.mentor.post(self._at("messages"), text=said[1])
        messages = [message["text"] for message in self.mentor.get(self._at("messages"))["items"]]
        self._expect(live == said[0] and messages == said, f"the room holds {messages}, live came {live!r}")
        self.tell("Messaging heard of it and has opened their room. They exchange two messages; Grace sees Ada's live.")

    def meet(self) -> None:
        starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        meeting = self.mentee.post(
            self._at("meetings"),
            title="First call",
            starts_at=starts_at.isoformat(),
            duration_minutes=45,
            time_zone="Asia/Kolkata",
        )
        calendar = self.mentor.text(self._at("calendar.ics"))
        self._expect("First call" in calendar, f"the calendar does not show the meeting: {calendar}")
        times = " and ".join(local["starts_at"] for local in meeting["local_times"])
        self.tell(f"They schedule a call: {times}; {meeting['video_url']}; it is in their calendar.ics.")

    def reach_a_goal(self) -> None:
        refused = self.mentee.ask("POST", self._at("goals"), json={"title": "Get better at interviews"})
        letters = ", ".join(sorted(letter for letter in refused.json()["facts"] if len(letter) == 1))
        self.tell(
            f"Ada's first goal, “Get better at interviews”, is refused: {refused.status_code}, it lacks {letters}."
        )
        due = (datetime.now(UTC).date() + timedelta(days=120)).isoformat()
        goal = self.mentee.post(self._at("goals"), **{**GOAL, "due": due})
        for value in (2, 5):
            goal = self.mentee.post(f"/v1/goals/{goal['goal_id']}/progress", value=value, note="with Grace")
        self.tell(f"A SMART one is accepted; two interviews, then five of five: {goal['status']}.")

    def share_a_file(self) -> None:
        digest = hashlib.sha256(NOTES).hexdigest()
        file = self.mentee.post(
            self._at("files"), name="notes.md", content_type="text/markdown", size=len(NOTES), sha256=digest
        )
        form = file["upload"]
        httpx.request(form["method"], form["url"], headers=form["headers"], content=NOTES).raise_for_status()
        self.mentee.post(f"/v1/files/{file['file_id']}/completion")
        link = self.mentor.get(f"/v1/files/{file['file_id']}/download")
        self._expect(httpx.get(link["url"]).content == NOTES, "the file came back otherwise")
        self.tell("Ada's notes go straight to the object store; Grace downloads them and the bytes are the same.")

    def part_well(self) -> None:
        self.mentor.post(self._at("conclusion"))
        self.mentor.post(self._at("feedback"), rating=5, comment="Ada found her way.")
        done = self.mentee.post(self._at("feedback"), rating=5, comment="Grace asked the right questions.")
        self.tell(f"They conclude; both give their closing feedback: {done['status']}.")

    def look_back(self) -> None:
        then = self.mentee.get(self._at(""), as_of=self.agreed_at.isoformat())
        history = self.mentee.get(self._at("history"))["items"]
        self._expect(then["status"] == "active" and then["activity"]["messages"] == 0, f"as of then: {then}")
        self.tell(
            f"{len(history)} events tell it all; as of the moment they had signed, it was active, without a message."
        )

    @staticmethod
    def _expect(holds: bool, otherwise: str) -> None:
        if not holds:
            raise DemoFailed(otherwise)

    def _at(self, what: str) -> str:
        return f"/v1/relationships/{self.relationship}/{what}".rstrip("/")

    def _refused(self, what: str, **body: Any) -> str:
        answer = self.mentee.ask("POST", self._at(what), json=body)
        self._expect(answer.status_code == 409, f"{what}: {answer.status_code} {answer.text}")
        return str(answer.json()["code"])

    def _request(self, mentor_id: str, message: str) -> str:
        made = self.mentee.post(f"/v1/programs/{self.program}/relationships", mentor_id=mentor_id, message=message)
        return str(made["relationship_id"])

    def _join(self, external_id: str, name: str, email: str) -> Person:
        """By the one-time link that the coordinator hands out."""
        invited = self.coordinator.post(f"/v1/programs/{self.program}/invitations", external_ids=[external_id])
        token = invited["items"][0]["token"]
        Person(self.http).post("/v1/invitations/accept", token=token, email=email, password=PASSWORD, display_name=name)
        return self._sign_in(email, PASSWORD)

    def _sign_in(self, email: str, password: str) -> Person:
        session = Person(self.http).post("/v1/sessions", email=email, password=password)
        return Person(self.http, session["access_token"])


def play(tell: Tell, servers: bool) -> None:
    """On a fresh platform that is thrown away afterwards: embedded, or every process of its own on real servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        platform: Platform = Embedded(folder, free_ports())
        if servers:
            local = stack.enter_context(held(Servers.from_environment()))
            platform = Fleet(stack.enter_context(fresh_environment(local)), folder, free_ports())
        stack.enter_context(platform)
        with Journey(platform.url, COORDINATOR, platform.password, tell) as journey:
            journey.play()
        tell(platform.rebuild().strip())
        tell(platform.verify().strip())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", action="store_true", help="on RabbitMQ, PostgreSQL and MinIO, a process each")
    play(print, parser.parse_args().servers)

"""Couples who live their relationship through the gateway while things break: they write, make progress, share files,
and ask for a mentor whom everybody wants."""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from deploy.demo import COORDINATOR, PASSWORD, Person
from deploy.fleet import Platform
from tests.chaos.asking import Client, Notebook, Refused

POPULAR = "popular-mentor"
PLACES = 2
TARGET = 20
MENTOR_COLUMNS = "external_id,role,headline,country,timezone,languages,skills,capacity"
MENTEE_COLUMNS = "external_id,role,headline,country,timezone,languages,wants"
NEXT_STEPS = {"proposed": ("accept", "decline", "withdraw"), "accepted": ("end",)}
"""Of a request to the popular mentor; the mentee starts over when it is over."""


@dataclass(frozen=True)
class Programme:
    """Couples whose relationship is active, and the popular mentor. `capacities`: of its mentors."""

    program_id: str
    people: dict[str, UUID]
    relationships: dict[int, str]

    @property
    def capacities(self) -> dict[UUID, int]:
        return {person: _places(name) for name, person in self.people.items() if "mentor" in name}


def prepare(platform: Platform, couples: int) -> Programme:
    """Before anything breaks."""
    with httpx.Client(base_url=platform.url, timeout=30) as http:
        coordinator = _signed_in(http, COORDINATOR, platform.password)
        program = coordinator.post("/v1/programs", name="Under fire")["program_id"]
        names = [POPULAR, *(f"{role}{n}" for n in range(couples) for role in ("mentor", "mentee"))]
        for roster in _rosters(names):
            coordinator.post_csv(f"/v1/programs/{program}/roster", roster)
        invited = coordinator.post(f"/v1/programs/{program}/invitations")["items"]
        for one in invited:
            name = one["external_id"]
            Person(http).post(
                "/v1/invitations/accept", token=one["token"], email=_email(name), password=PASSWORD, display_name=name
            )
        people = {one["external_id"]: UUID(one["person_id"]) for one in invited}
        relationships = {n: _agreed(http, program, people, n) for n in range(couples)}
    return Programme(program, people, relationships)


def _agreed(http: httpx.Client, program: str, people: dict[str, UUID], number: int) -> str:
    mentee, mentor = (_signed_in(http, _email(f"{role}{number}"), PASSWORD) for role in ("mentee", "mentor"))
    wish = {"mentor_id": str(people[f"mentor{number}"]), "message": "Will you help me?"}
    relationship: str = mentee.post(f"/v1/programs/{program}/relationships", **wish)["relationship_id"]
    at = f"/v1/relationships/{relationship}"
    mentor.post(f"{at}/accept")
    terms = {"scope": "A first job", "frequency": "weekly", "nature": "career", "duration_weeks": 12}
    agreed = mentee.post(f"{at}/proposals", **terms)["agreement"]["number"]
    for one in (mentee, mentor):
        one.post(f"{at}/signatures", number=agreed)
    return relationship


def _signed_in(http: httpx.Client, email: str, password: str) -> Person:
    return Person(http, Person(http).post("/v1/sessions", email=email, password=password)["access_token"])


def _email(name: str) -> str:
    return f"{name}@example.org"


def _rosters(names: list[str]) -> tuple[str, str]:
    """The mentors' and the mentees'."""
    mentors = [f"{name},mentor,Somebody,UY,UTC,en,css,{_places(name)}" for name in names if "mentor" in name]
    mentees = [f"{name},mentee,Somebody,UY,UTC,en,css" for name in names if "mentee" in name]
    return "\n".join([MENTOR_COLUMNS, *mentors, ""]), "\n".join([MENTEE_COLUMNS, *mentees, ""])


def _places(mentor: str) -> int:
    return PLACES if mentor == POPULAR else 1


class Couple:
    """What one mentee and one mentor do, and what the popular mentor does with the mentee's requests. They look before
    they act, so it does not matter which of their wishes came through."""

    def __init__(self, url: str, programme: Programme, number: int, notebook: Notebook, chance: random.Random) -> None:
        self.mentee, self.mentor, self.popular = (
            Client(url, _email(name), PASSWORD, notebook, chance)
            for name in (f"mentee{number}", f"mentor{number}", POPULAR)
        )
        self._at = f"/v1/relationships/{programme.relationships[number]}"
        self._programme = programme
        self._notebook = notebook
        self._chance = chance
        self._goal = ""

    def act(self) -> None:
        acts: list[Callable[[], None]] = [self.talk, self.progress, self.ask_the_popular_one, self.share]
        try:
            self._chance.choices(acts, weights=(4, 3, 4, 1))[0]()
        except Refused:
            self._goal = ""

    def talk(self) -> None:
        """Whose message was answered with 201 sees it at once."""
        author = self._chance.choice([self.mentee, self.mentor])
        posted = author.post("message", f"{self._at}/messages", text=f"I write to you about {self._chance.random()}.")
        if "message_id" not in posted:
            return
        seen = author.get(f"{self._at}/messages?after={posted['position'] - 1}")["items"]
        if posted["message_id"] not in [message["message_id"] for message in seen]:
            self._notebook.surprise(f"message {posted['message_id']} was acknowledged and is not to be seen")

    def progress(self) -> None:
        """One step at a time; when the goal is reached, another goal."""
        goal = self.mentee.get(f"/v1/goals/{self._goal}") if self._goal else None
        if goal is None or goal["status"] != "pursued":
            self._goal = self._set_goal()
        else:
            self.mentee.post("progress", f"/v1/goals/{self._goal}/progress", value=goal["value"] + 1)

    def _set_goal(self) -> str:
        body = {
            "title": "Finish mock interviews with feedback from an engineer",
            "measure": "mock interviews finished",
            "unit": "interviews",
            "baseline": 0,
            "target": TARGET,
            "relevance": "Interviews are what stands between me and a job",
            "due": (datetime.now(UTC).date() + timedelta(days=120)).isoformat(),
        }
        return _id_of(self.mentee.post("goal", f"{self._at}/goals", **body), "goal_id")

    def ask_the_popular_one(self) -> None:
        asked = self.popular_request()
        if asked is None:
            wanted = str(self._programme.people[POPULAR])
            path = f"/v1/programs/{self._programme.program_id}/relationships"
            self.mentee.post("request", path, mentor_id=wanted, message="And you?")
            return
        step = self._chance.choice(NEXT_STEPS[asked["status"]])
        who = self.mentee if step == "withdraw" else self.popular
        body = {"reason": "It is too much."} if step in ("decline", "end") else {}
        who.post(step, f"/v1/relationships/{asked['relationship_id']}/{step}", **body)

    def popular_request(self) -> Any:
        """The one that is not over yet."""
        mine = self._pages("/v1/relationships")
        return next((one for one in mine if one["status"] in NEXT_STEPS), None)

    def _pages(self, path: str) -> Iterator[Any]:
        after = ""
        while True:
            page = self.mentee.get(f"{path}?limit=200{after}")
            yield from page["items"]
            if page["next"] is None:
                return
            after = f"&after={page['next']}"

    def share(self) -> None:
        content = self._chance.randbytes(2000)
        digest = hashlib.sha256(content).hexdigest()
        body = {"name": "notes.bin", "content_type": "application/octet-stream", "size": len(content), "sha256": digest}
        file = self.mentee.post("file", f"{self._at}/files", **body)
        if "upload" not in file:
            return
        try:
            form = file["upload"]
            httpx.request(form["method"], form["url"], headers=form["headers"], content=content).raise_for_status()
        except httpx.HTTPError:
            return
        self.mentee.post("completion", f"/v1/files/{file['file_id']}/completion")

    def sign_in(self) -> None:
        for client in (self.mentee, self.mentor, self.popular):
            client.sign_in()

    def close(self) -> None:
        for client in (self.mentee, self.mentor, self.popular):
            client.close()


def _id_of(answer: Any, name: str) -> str:
    """Also of what was only accepted."""
    return str(answer[name] if name in answer else answer["location"].rsplit("/", 1)[1])


class Load:
    """A thread per couple, as fast as they are answered, but for a moment to think."""

    def __init__(self, url: str, programme: Programme, seed: int) -> None:
        self.notebook = Notebook()
        self._couples = [
            Couple(url, programme, number, self.notebook, random.Random(f"{seed}-{number}"))
            for number in programme.relationships
        ]
        for couple in self._couples:
            couple.sign_in()

    @contextmanager
    def going(self) -> Iterator[None]:
        """At the end everybody finishes what they are at. Raises what went wrong in a thread."""
        stop = threading.Event()
        failures: list[BaseException] = []
        threads = [threading.Thread(target=_go_on, args=(couple, stop, failures)) for couple in self._couples]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]

    def close(self) -> None:
        for couple in self._couples:
            couple.close()


def _go_on(couple: Couple, stop: threading.Event, failures: list[BaseException]) -> None:
    try:
        while not stop.wait(0.02):
            couple.act()
    except Exception as failure:  # noqa: BLE001 - told by the thread that waits
        failures.append(failure)

"""Two people who leave a word that nobody else says in every field that takes one; and the search for these words."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from deploy.demo import COORDINATOR, Person
from deploy.fleet import Platform

PASSWORD = "correct horse battery staple"
HEADER = "external_id,role,headline,country,timezone,languages,skills,wants,capacity"
REASON = {"reason": "consent_withdrawn"}


@dataclass
class Words:
    """A new word for each thing that is said."""

    said: dict[str, str] = field(default_factory=dict)

    def __call__(self, what: str) -> str:
        self.said[what] = f"zq{uuid4().hex[:16]}"
        return self.said[what]

    def among(self, pieces: Iterable[bytes]) -> set[str]:
        """What of it stands there: as it is, or in hex."""
        looked_for = {what: (word.encode(), word.encode().hex().encode()) for what, word in self.said.items()}
        found: set[str] = set()
        before = b""
        for piece in pieces:
            window = (before + piece).lower()
            found |= {what for what, forms in looked_for.items() if any(form in window for form in forms)}
            before = piece[-100:]
        return found


class Lives:
    """Ada, a mentee, and Grace, her mentor, in a platform of their own."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.word = Words()
        self.http = httpx.Client(base_url=platform.url, timeout=30)
        self.coordinator = self._sign_in(COORDINATOR, platform.password)
        self.program = self.coordinator.post("/v1/programs", name="Women into web engineering")["program_id"]
        self.coordinator.post_csv(f"/v1/programs/{self.program}/roster", self._roster())
        self.ada, self.grace, self.eve = (self._join(name) for name in ("ada", "grace", "eve"))
        self.file_id = ""
        self.digest = ""

    def close(self) -> None:
        self.http.close()

    def live(self) -> None:
        """Through everything in which somebody can say something."""
        word = self.word
        declined = self._request(self.eve, "not hers")
        self.grace.post(f"{declined}/decline", reason=word("decline reason"))
        self.path = self._request(self.ada, word("request"))
        self.grace.post(f"{self.path}/question", question=word("question"))
        self.ada.post(f"{self.path}/answer", answer=word("answer"))
        self.grace.post(f"{self.path}/accept")
        terms = {"frequency": "weekly", "nature": "career", "duration_weeks": 12}
        self.ada.post(f"{self.path}/proposals", scope=word("proposal"), **terms)
        self.grace.post(f"{self.path}/proposals", scope=word("counter-proposal"), **terms)
        self.ada.post(f"{self.path}/signatures", number=2)
        self.grace.post(f"{self.path}/signatures", number=2)
        self.ada.post(f"{self.path}/messages", text=word("message"))
        self.grace.post(f"{self.path}/messages", text=word("answer to it"))
        self._meet()
        self._aim()
        self._share()
        self.grace.post(f"{self.path}/pause", reason=word("pause"))
        self.ada.post(f"{self.path}/resume")
        self.ada.post(f"{self.path}/conclusion")
        self.ada.post(f"{self.path}/feedback", rating=5, comment=word("feedback"))

    def erase(self) -> None:
        """Ada at her own wish; Grace by decision of the coordinator."""
        self.ada.post(f"/v1/people/{self.ada_id}/erasure", password=PASSWORD)
        self.coordinator.post(f"/v1/programs/{self.program}/people/{self.grace_id}/erasure", **REASON)

    @property
    def ada_id(self) -> str:
        return self._id_of("ada")

    @property
    def grace_id(self) -> str:
        return self._id_of("grace")

    def people(self) -> list[dict[str, Any]]:
        people: list[dict[str, Any]] = self.coordinator.get(f"/v1/programs/{self.program}/people")["items"]
        return people

    def is_shown_erased(self) -> bool:
        """Everywhere, to who is left."""
        shown = self.coordinator.get(self.path)
        gone = [one for one in self.people() if one["external_id"] in ("ada", "grace")]
        names = [one[what] for one in gone for what in ("display_name", "headline", "skills", "wants")]
        return bool(shown["status"] == "ended" and all(one["erased_at"] for one in gone) and not any(names))

    def _id_of(self, external_id: str) -> str:
        return next(str(one["person_id"]) for one in self.people() if one["external_id"] == external_id)

    def _roster(self) -> str:
        def row(name: str, role: str, capacity: str) -> str:
            mine = (self.word(f"{name}'s {what}") for what in ("headline", "skills", "wants"))
            headline, skills, wants = mine
            return f"{name},{role},{headline},GB,Europe/London,en,{skills},{wants},{capacity}"

        eve = "eve,mentee,Student,NL,Europe/Amsterdam,en,,web,"
        return "\n".join([HEADER, row("ada", "mentee", ""), row("grace", "mentor", "2"), eve])

    def _join(self, external_id: str) -> Person:
        invited = self.coordinator.post(f"/v1/programs/{self.program}/invitations", external_ids=[external_id])
        mine = external_id != "eve"
        email = f"{self.word(f'{external_id} e-mail') if mine else 'eve'}@example.org"
        name = self.word(f"{external_id}'s name") if mine else "Eve"
        token = invited["items"][0]["token"]
        Person(self.http).post("/v1/invitations/accept", token=token, email=email, password=PASSWORD, display_name=name)
        return self._sign_in(email, PASSWORD)

    def _sign_in(self, email: str, password: str) -> Person:
        session = Person(self.http).post("/v1/sessions", email=email, password=password)
        return Person(self.http, session["access_token"])

    def _request(self, by: Person, message: str) -> str:
        path = f"/v1/programs/{self.program}/relationships"
        return f"/v1/relationships/{by.post(path, mentor_id=self.grace_id, message=message)['relationship_id']}"

    def _meet(self) -> None:
        when = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        how: dict[str, Any] = {"starts_at": when, "duration_minutes": 30, "time_zone": "UTC"}
        meeting = self.ada.post(f"{self.path}/meetings", title=self.word("meeting"), **how)
        answer = self.grace.ask(
            "DELETE", f"/v1/meetings/{meeting['meeting_id']}", json={"reason": self.word("cancelled")}
        )
        answer.raise_for_status()

    def _aim(self) -> None:
        word = self.word
        due = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
        words = {name: word(f"goal's {name}") for name in ("title", "measure", "unit", "relevance")}
        goal = self.ada.post(f"{self.path}/goals", **words, baseline=0, target=5, due=due)["goal_id"]
        self.grace.post(f"/v1/goals/{goal}/progress", value=1, note=word("progress"))
        self.ada.post(f"/v1/goals/{goal}/abandonment", reason=word("abandoned"))

    def _share(self) -> None:
        content = f"Dear Grace, {self.word('file content')} {'.' * 200_000}".encode()
        self.digest = self.word.said["file digest"] = hashlib.sha256(content).hexdigest()
        file = self.ada.post(
            f"{self.path}/files",
            name=f"{self.word('file name')}.txt",
            content_type="text/plain",
            size=len(content),
            sha256=self.digest,
        )
        form = file["upload"]
        httpx.request(form["method"], form["url"], headers=form["headers"], content=content).raise_for_status()
        self.file_id = str(file["file_id"])
        self.ada.post(f"/v1/files/{self.file_id}/completion")


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.05)


def pieces_of(path: Any) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            yield piece

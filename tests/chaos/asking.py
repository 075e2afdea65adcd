"""A good client: one idempotency key per wish, again until it is answered, and a note of how each wish ended."""

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.ids import derived_id

PATIENCE_SECONDS = 60.0
USUAL_SECONDS = 10.0
IMPATIENT_SECONDS = 0.3
PAUSE_SECONDS = 0.1


class Outcome(Enum):
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Asked:
    """One wish, sent `tries` times in `seconds` altogether. `position` where the answer told it."""

    what: str
    person: UUID
    command_id: UUID
    outcome: Outcome
    tries: int
    seconds: float
    position: int | None = None
    answer: str = ""
    """The code of a refusal."""

    def __str__(self) -> str:
        ended = f"{self.outcome.value} {self.answer}".rstrip()
        return f"{self.what} ({self.command_id}, {ended} after {self.tries} tries)"


class Notebook:
    """What all clients have asked for; filled by many threads."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.surprises: list[str] = []
        self._lock = threading.Lock()

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)

    def surprise(self, what: str) -> None:
        """An answer that no client should ever get."""
        with self._lock:
            self.surprises.append(what)


class Refused(Exception):
    """The platform says no; asking again would not help."""


class GaveUp(Refused):
    """No answer, however often it was asked."""


class Client:
    """One person at the API, used by one thread. Now and then impatient: asks again while the first call is still on
    its way; or forgetful: asks for what was already answered, and must get the same answer."""

    def __init__(self, url: str, email: str, password: str, notebook: Notebook, chance: random.Random) -> None:
        self._http = httpx.Client(base_url=url)
        self._who = {"email": email, "password": password}
        self._notebook = notebook
        self._chance = chance
        self._token = ""
        self.person = UUID(int=0)

    def sign_in(self) -> None:
        session = self._persist("POST", "/v1/sessions", {"Idempotency-Key": str(uuid4())}, self._who)[0].json()
        self._token, self.person = session["access_token"], UUID(session["person_id"])

    def get(self, path: str) -> Any:
        answer, _ = self._persist("GET", path, {})
        if answer.is_error:
            raise Refused(answer.text)
        return answer.json()

    def post(self, what: str, path: str, **body: Any) -> Any:
        """The answer, also when the wish was only accepted. Raises Refused, also when nobody answered."""
        key = str(uuid4())
        headers = {"Idempotency-Key": key}
        asked = partial(Asked, what, self.person, derived_id(self.person, key))
        began = time.monotonic()
        try:
            answer, tries = self._persist("POST", path, headers, body)
        except GaveUp:
            self._notebook.note(asked(Outcome.UNCERTAIN, 0, time.monotonic() - began))
            raise
        told = answer.json()
        if answer.is_error:
            self._notebook.note(asked(Outcome.REFUSED, tries, time.monotonic() - began, answer=told["code"]))
            raise Refused(told["code"])
        position = told["position"] if answer.status_code == 202 else None
        self._notebook.note(asked(Outcome.ACKNOWLEDGED, tries, time.monotonic() - began, position))
        self._forget_now_and_then(what, path, headers, body)
        return told

    def _forget_now_and_then(self, what: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        if self._chance.random() < 0.05:
            again, _ = self._persist("POST", path, headers, body)
            if again.is_error:
                self._notebook.surprise(f"{what} was acknowledged, and asked again answered {again.status_code}")

    def _persist(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> tuple[httpx.Response, int]:
        """The first answer that is one, and how often it took. Raises GaveUp."""
        until = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while time.monotonic() < until:
            tries += 1
            timeout = IMPATIENT_SECONDS if self._chance.random() < 0.05 else USUAL_SECONDS
            sent = {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers
            try:
                answer = self._http.request(method, path, headers=sent, json=body, timeout=timeout)
            except httpx.TransportError:
                time.sleep(PAUSE_SECONDS)
                continue
            if answer.status_code == 401 and path != "/v1/sessions":
                time.sleep(PAUSE_SECONDS)
                self.sign_in()
            elif "Retry-After" in answer.headers:
                time.sleep(float(answer.headers["Retry-After"]) * self._chance.random())
            elif answer.status_code >= 500:
                self._notebook.surprise(f"{method} {path}: {answer.status_code} {answer.text}")
                time.sleep(PAUSE_SECONDS)
            else:
                return answer, tries
        raise GaveUp(f"{method} {path}")

    def close(self) -> None:
        self._http.close()

"""What is parked can be listed, shown and redriven, wherever it is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from deploy.fleet import ROOT
from services import platform
from services.assembly import assemble
from services.goals.directory import relationship
from services.surroundings import embedded_settings
from shared import clock, parking
from shared.database import reading, writing
from shared.ids import NIL, new_id
from shared.log import Append, Entry
from shared.parts import Parts
from shared.runtime import Runtime
from shared.settings import Settings
from shared.subscription import Subscription

MATCHING = "matching"


@dataclass
class Place:
    """A platform that is installed, and goals as the service that hears."""

    folder: Path
    settings: Settings
    environment: dict[str, str]
    service: str = "goals"

    def __post_init__(self) -> None:
        self.parts = Parts(self.settings, self.service)
        self.runtime: Runtime = self.parts.runtime(assemble(self.service, self.parts))

    def happen(self, what: str, relationship_id: UUID, **facts: str) -> int:
        data = json.dumps({"relationship_id": str(relationship_id), **facts})
        entry = Entry(new_id(), f"{MATCHING}.{what}", 1, relationship_id, clock.now(), data)
        stream = f"foreign-{entry.event_id}"
        self.parts.log.append([Append(stream, 0, new_id(), b"", NIL, "foreign", new_id(), None, (entry,))])
        return self.parts.log.head().position

    def hear(self) -> None:
        Subscription(self.runtime).catch_up()

    def park(self, position: int) -> None:
        """As if it could not be taken in until the service was repaired just now."""
        [recorded] = self.parts.log.read(position - 1, 1)
        with writing(self.parts.database) as connection:
            self.runtime.directory.apply(connection, [recorded], without={position})
            parking.park(connection, recorded, "ZeroDivisionError", 3, None)

    def parked(self, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "services", "parked", *arguments, "--folder", str(self.folder)]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert "private" not in done.stdout + done.stderr and "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def assert_equals_a_rebuild(self) -> None:
        directory = self.runtime.directory
        with reading(self.parts.database) as connection:
            position = directory.checkpoint(connection)
        with writing(self.parts.database) as connection:
            beside = directory.beside("_rebuilt")
            beside.install(connection)
            beside.apply(connection, self.parts.log.read(0, position))
            assert beside.digests(connection) == directory.digests(connection)


@pytest.fixture(params=["embedded", "servers"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "embedded":
        platform.install(embedded_settings(tmp_path))
        place = Place(tmp_path, embedded_settings(tmp_path), {})
    else:
        fresh_database: Callable[[], str] = request.getfixturevalue("fresh_database")
        url, secrets = fresh_database(), tmp_path / "secrets"
        settings = Settings(database_url=url, secrets_dir=secrets, data_dir=tmp_path / "data")
        environment = {"MENTORING_DATABASE_URL": url, "MENTORING_SECRETS_DIR": str(secrets)}
        init = [sys.executable, "-m", "services", "init"]
        subprocess.run(init, check=True, cwd=ROOT, env={**os.environ, **environment}, capture_output=True)
        place = Place(tmp_path, settings, environment)
    yield place
    place.parts.close()


def test_parked_events_are_listed_shown_and_redriven(place: Place) -> None:
    ada, bea = uuid4(), uuid4()
    people = {"mentor_id": str(uuid4()), "mentee_id": str(uuid4())}
    place.hear()
    assert place.parked("list") == (0, "nothing is parked\n")
    place.park(place.happen("relationship_activated", ada, **people))
    place.happen("relationship_paused", ada)
    place.happen("relationship_activated", bea, **people)
    place.happen("relationship_activated", poisoned := uuid4(), mentor_id="a very private text")
    place.hear()
    assert relationship(bea, place.runtime.reader) and not relationship(ada, place.runtime.reader)

    status, told = place.parked("list")
    lines = told.splitlines()
    assert status == 1 and len(lines) == 2 and all(line.startswith("goals ") for line in lines)
    assert f"{ada}  2 events since" in told and "ZeroDivisionError after 3 tries" in told
    status, told = place.parked("show", "--service", "goals", "--subject", str(ada))
    assert status == 1 and "matching.relationship_paused" in told and "waits" in told and str(bea) not in told

    status, told = place.parked("redrive")
    assert status == 1
    assert f"{ada}  2 events taken in, 0 still parked" in told
    assert f"{poisoned}  0 events taken in, 1 still parked" in told
    found = relationship(ada, place.runtime.reader)
    assert found and found.phase.value == "paused"
    assert place.parked("redrive", "--subject", str(ada)) == (0, "nothing is parked\n")
    assert len(place.parked("list")[1].splitlines()) == 1


def test_a_policy_answers_what_is_redriven(place: Place) -> None:
    messaging = replace(place, service="messaging")
    people = {"mentor_id": str(uuid4()), "mentee_id": str(uuid4())}
    messaging.hear()
    messaging.park(position := messaging.happen("relationship_activated", uuid4(), **people))
    status, told = messaging.parked("redrive", "--service", "messaging")
    assert (status, "1 events taken in, 0 still parked" in told) == (0, True), told
    assert [one.type for one in messaging.parts.log.read(position)] == ["messaging.conversation_opened"]
    messaging.parts.close()


def test_a_directory_with_nothing_parked_any_more_equals_its_rebuild(place: Place) -> None:
    ada = uuid4()
    place.hear()
    place.park(place.happen("relationship_activated", ada, mentor_id=str(uuid4()), mentee_id=str(uuid4())))
    place.happen("relationship_ended", ada)
    place.hear()
    assert place.parked("redrive")[0] == 0
    place.assert_equals_a_rebuild()

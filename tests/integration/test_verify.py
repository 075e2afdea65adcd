"""`python -m services verify` finds what was changed around every protection, and where, on both databases."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from deploy.fleet import ROOT
from deploy.fresh import fresh_database
from deploy.servers import Servers
from services import platform
from services.cli import verify
from services.gateway.rebuild import rebuild
from services.gateway.views import projections
from services.surroundings import embedded_settings
from shared.database import reading, writing
from shared.keys import PROOF, PROOF_PUBLIC, KeysMissing
from shared.log import Recorded
from shared.log.hashing import event_hash, fields_of
from shared.log.merkle import leaf
from shared.parts import Parts
from shared.projection import catch_up
from shared.proofs import Notary, heads, tiles
from shared.settings import Settings
from tests.contract.log.saying import recorded, say
from tests.contract.log.stores import administrator
from tests.unit.gateway.history import new_story, write

FIELDS = Recorded._fields
SOMEWHERE = 9


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[str]:
    with fresh_database(servers) as url:
        yield url


class Place:
    """A platform with a history in its log, whose keeper can be bribed."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.parts = Parts(settings, "views")
        self.service = Parts(settings, "matching")
        self.proof = Parts(settings, "proof")
        self.notary = Notary(self.proof.database, self.proof.keys.proof())
        self.sqlite = settings.database_url.startswith("sqlite:")
        self.events = "events" if self.sqlite else "log.events"
        self.head = "head" if self.sqlite else "log.head"
        self._url = settings.database_url

    def tell(self) -> None:
        for story in (new_story(), new_story()):
            write(self.service.log, self.service.vault, story, story.people() + story.relationship_events())
        self.notary.sign(self.parts.log)
        with writing(self.parts.database) as connection:
            for projection in projections(self.parts.vault):
                list(catch_up(projection, connection, self.parts.log, self.parts.log.head().position))

    def corrupt(self, statement: str, *parameters: object) -> None:
        """Past the triggers; with `?` for each parameter."""
        if self.sqlite:
            connection = sqlite3.connect(self.folder / "data" / "log.db", isolation_level=None)
            for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute(statement, parameters)
            connection.close()
            return
        with administrator(self._url) as superuser:
            superuser.execute("ALTER TABLE log.events DISABLE TRIGGER append_only")
            superuser.execute(statement.replace("?", "%s").encode(), parameters)
            superuser.execute("ALTER TABLE log.events ENABLE ALWAYS TRIGGER append_only")

    def row(self, position: int) -> list[Any]:
        query = f"SELECT {', '.join(FIELDS)} FROM {self.events} WHERE position = {position}"
        if self.sqlite:
            connection = sqlite3.connect(self.folder / "data" / "log.db")
            row = connection.execute(query).fetchone()
            connection.close()
            return list(row)
        with administrator(self._url) as superuser:
            return list(superuser.execute(query.encode()).fetchone() or ())

    def remove(self, position: int) -> list[Any]:
        row = self.row(position)
        self.corrupt(f"DELETE FROM {self.events} WHERE position = {position}")
        return row

    def move_head(self, position: int) -> None:
        last = self.row(position)[-1]
        self.corrupt(f"UPDATE {self.head} SET position = ?, hash = ?", position, last)

    def forge(self, events: Sequence[Recorded], before: bytes) -> None:
        """As these say, with the hashes that they should have after the hash `before`."""
        for event in events:
            before = event_hash(before, fields_of(event))
            change = f"UPDATE {self.events} SET actor = ?, hash = ? WHERE position = ?"
            self.corrupt(change, event.actor, before, event.position)

    def put(self, row: Sequence[Any]) -> None:
        self.corrupt(f"INSERT INTO {self.events} VALUES ({', '.join('?' * len(row))})", *row)


@pytest.fixture(scope="module", params=["embedded", "servers"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("platform")
    if request.param == "embedded":
        settings, environment = embedded_settings(folder), {}
        platform.install(settings)
    else:
        url = request.getfixturevalue("database")
        settings = Settings(database_url=url, secrets_dir=folder / "secrets", data_dir=folder / "data")
        environment = {"MENTORING_DATABASE_URL": url, "MENTORING_SECRETS_DIR": str(folder / "secrets")}
        init = [sys.executable, "-m", "services", "init"]
        subprocess.run(init, check=True, cwd=ROOT, env={**os.environ, **environment}, capture_output=True)
    place = Place(settings, folder)
    place.tell()
    yield place, environment
    place.parts.close()
    place.service.close()
    place.proof.close()


@pytest.fixture
def place(installed: tuple[Place, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Place:
    place, environment = installed
    monkeypatch.delenv("MENTORING_DATABASE_URL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return place


Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def examined(place: Place, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Status, and what it says."""

    def run(log_only: bool = True) -> tuple[int, str]:
        capsys.readouterr()
        status = verify.main(log_only, place.folder)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def other(value: Any, sqlite: bool) -> Any:
    """One byte of it, or as little as can be."""
    match value:
        case None:
            return uuid4().bytes if sqlite else uuid4()
        case UUID():
            return UUID(int=value.int ^ 1)
        case datetime():
            return value + timedelta(microseconds=1)
        case int():
            return value ^ 256
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case _:
            return value[:-1] + chr(ord(value[-1]) ^ 1)


def test_a_whole_platform_is_whole(examined: Verify) -> None:
    status, told = examined(log_only=False)
    assert status == 0, told
    assert "1 signed heads agree, the last one over 51 events" in told
    assert "dense and chained" in told and "every event can be read" in told and "every view equals its rebuild" in told


@pytest.mark.parametrize("field", FIELDS)
def test_one_byte_of_any_column_is_found(place: Place, examined: Verify, field: str) -> None:
    row = place.remove(SOMEWHERE)
    changed = list(row)
    changed[FIELDS.index(field)] = other(changed[FIELDS.index(field)], place.sqlite)
    place.put(changed)
    assert changed != row
    try:
        status, told = examined()
        assert status == 1 and f"log    broken at position {SOMEWHERE}:" in told, told
    finally:
        place.corrupt(f"DELETE FROM {place.events} WHERE event_id = ?", changed[1])
        place.put(row)
    assert examined()[0] == 0


def test_a_removed_event_is_missed(place: Place, examined: Verify) -> None:
    row = place.remove(SOMEWHERE)
    status, told = examined()
    place.put(row)
    assert status == 1 and f"broken at position {SOMEWHERE}: missing" in told
    assert examined()[0] == 0


def test_two_that_changed_places_are_found(place: Place, examined: Verify) -> None:
    first, second = place.remove(SOMEWHERE), place.remove(SOMEWHERE + 3)
    place.put([SOMEWHERE + 3, *first[1:]])
    place.put([SOMEWHERE, *second[1:]])
    status, told = examined()
    for position in (SOMEWHERE, SOMEWHERE + 3):
        place.remove(position)
    place.put(first)
    place.put(second)
    assert status == 1 and f"broken at position {SOMEWHERE}: changed" in told
    assert examined()[0] == 0


def test_the_last_event_is_missed_when_the_head_still_names_it(place: Place, examined: Verify) -> None:
    last = place.parts.log.head().position
    row = place.remove(last)
    status, told = examined()
    place.put(row)
    assert status == 1 and f"broken at position {last}: missing" in told


def test_an_event_beyond_the_head_is_found(place: Place, examined: Verify) -> None:
    last = place.parts.log.head().position
    place.move_head(last - 1)
    status, told = examined()
    place.move_head(last)
    assert status == 1 and f"broken at position {last}: beyond the head" in told


def test_a_tail_that_was_cut_off_with_the_head_is_missed_by_the_signed_head(place: Place, examined: Verify) -> None:
    last = place.parts.log.head().position
    rows = [place.remove(position) for position in (last - 1, last)]
    place.move_head(last - 2)
    status, told = examined()
    for row in rows:
        place.put(row)
    place.move_head(last)
    assert status == 1 and "dense and chained" in told
    assert f"heads  broken at position {last - 1}: there were {last} events" in told
    assert examined()[0] == 0


@pytest.fixture
def rewritten(place: Place) -> Iterator[int]:
    """The position from which on history was forged, with every hash after it, so that the chain holds."""
    last = place.parts.log.head().position
    truth = place.parts.log.read(0, last)
    place.forge([truth[SOMEWHERE - 1]._replace(actor="nobody"), *truth[SOMEWHERE:]], truth[SOMEWHERE - 2].hash)
    place.move_head(last)
    yield SOMEWHERE
    place.forge(truth[SOMEWHERE - 1 :], truth[SOMEWHERE - 2].hash)
    place.move_head(last)


@pytest.mark.usefixtures("rewritten")
def test_a_history_that_was_rewritten_whole_is_not_what_was_signed(examined: Verify) -> None:
    status, told = examined()
    assert status == 1 and "dense and chained" in told
    assert f"heads  broken at position {SOMEWHERE}: another event was signed" in told


@pytest.mark.usefixtures("rewritten")
def test_so_it_is_when_the_tree_was_forged_as_well(place: Place, examined: Verify) -> None:
    last = place.parts.log.head().position
    with reading(place.proof.database) as connection:
        [tile] = connection.execute(select(tiles)).all()
    forged = b"".join(leaf(recorded.hash) for recorded in place.parts.log.read(0, last))
    with writing(place.proof.database) as connection:
        connection.execute(tiles.update().values(hashes=forged))
    status, told = examined()
    with writing(place.proof.database) as connection:
        connection.execute(tiles.update().values(hashes=tile.hashes))
    assert status == 1 and f"heads  broken between positions 1 and {last}: other events were signed" in told


FORGERIES = {
    "signed_at": "is not signed with the platform's key",
    "signature": "is not signed with the platform's key",
    "root": "is not signed with the platform's key",
}


@pytest.mark.parametrize("column", FORGERIES)
def test_a_head_that_was_changed_is_named(place: Place, examined: Verify, column: str) -> None:
    with writing(place.proof.database) as connection:
        head = connection.execute(select(heads)).one()._mapping
        value = head[column] + timedelta(microseconds=1) if column == "signed_at" else other(head[column], True)
        connection.execute(heads.update().values({column: value}))
    status, told = examined()
    with writing(place.proof.database) as connection:
        connection.execute(heads.update().values({column: head[column]}))
    assert status == 1 and f"the head over {head['size']} events {FORGERIES[column]}" in told
    assert examined()[0] == 0


@pytest.mark.parametrize("installed", ["embedded"], indirect=True)
@pytest.mark.parametrize("lost", [[PROOF], [PROOF, PROOF_PUBLIC]])
def test_no_other_key_is_made_where_one_has_signed(place: Place, lost: list[str]) -> None:
    secrets = place.parts.settings.secrets_dir
    kept = {name: (secrets / name).read_bytes() for name in lost}
    for name in lost:
        (secrets / name).unlink()
    with pytest.raises(KeysMissing, match="heads of the log were signed"):
        platform.install(place.parts.settings)
    for name, content in kept.items():
        (secrets / name).write_bytes(content)


def test_a_tree_that_was_damaged_is_not_mistaken_for_a_changed_log(place: Place, examined: Verify) -> None:
    with writing(place.proof.database) as connection:
        hashes = connection.execute(select(tiles.c.hashes)).scalar_one()
        damaged = hashes[: 32 * SOMEWHERE] + b"x" + hashes[32 * SOMEWHERE + 1 :]
        connection.execute(tiles.update().values(hashes=damaged))
    status, told = examined()
    with writing(place.proof.database) as connection:
        connection.execute(tiles.update().values(hashes=hashes))
    assert status == 1
    assert f"heads  the kept tree is wrong at position {SOMEWHERE + 1}: the log is as it was signed" in told


@pytest.mark.parametrize("installed", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("field", "value"), [("data", "CAST(x'ff' AS TEXT)"), ("actor", "CAST(x'fe' AS TEXT)"), ("event_id", "x'00'")]
)
def test_what_the_storage_cannot_even_read_is_named(place: Place, examined: Verify, field: str, value: str) -> None:
    row = place.row(SOMEWHERE)
    place.corrupt(f"UPDATE events SET {field} = {value} WHERE position = {SOMEWHERE}")
    status, told = examined()
    place.corrupt(f"UPDATE events SET {field} = ? WHERE position = {SOMEWHERE}", row[FIELDS.index(field)])
    assert status == 1 and f"broken at position {SOMEWHERE}: unreadable" in told, told


def test_a_view_that_says_something_else_is_named(place: Place, examined: Verify) -> None:
    with writing(place.parts.database) as connection:
        connection.execute(text("UPDATE goals SET title = 'Finish six interviews'"))
    status, told = examined(log_only=False)
    assert status == 1 and "views  differing: goals" in told
    assert "six" not in told
    rebuild(place.parts.log, place.parts.database, projections(place.parts.vault), changed=True)
    assert examined(log_only=False)[0] == 0


def test_a_type_that_nobody_knows_is_named(place: Place, examined: Verify) -> None:
    position = recorded(place.service.log, say("kitchen", "a private word")).first
    status, told = examined()
    assert status == 1 and f"broken at position {position}: nobody knows the type rooms.said" in told
    assert "dense and chained" in told and "private" not in told


def test_not_being_able_to_look_is_another_status(
    place: Place, examined: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTORING_DATABASE_URL", f"sqlite:///{tmp_path}")
    status, told = examined()
    assert status == 2 and told.startswith("could not look")
    monkeypatch.setenv("MENTORING_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert examined()[0] == 2

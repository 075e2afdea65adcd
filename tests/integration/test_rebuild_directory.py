"""A directory is rebuilt while its service hears, reads and parks: nothing fails, and what is damaged is mended."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from deploy.fleet import ROOT
from services import platform
from services.cli import rebuild as command
from services.goals.directory import relationship
from services.surroundings import embedded_settings
from shared import parking
from shared.database import reading, writing
from shared.rebuilding import Report, rebuild, verify
from shared.settings import Settings
from shared.subscription import Subscription
from tests.integration.test_parked import Place
from tests.waiting import eventually


class Hearing(Place):
    """Goals, hearing of relationships."""

    def relationship(self) -> UUID:
        one = uuid4()
        self.happen("relationship_activated", one, mentor_id=str(uuid4()), mentee_id=str(uuid4()))
        self.happen("relationship_paused", one)
        return one

    def phase(self, one: UUID) -> str | None:
        found = relationship(one, self.runtime.reader)
        return found.phase.value if found else None

    def damage(self, *statements: str) -> None:
        with writing(self.parts.database) as connection:
            for statement in statements:
                connection.execute(text(statement))

    def rebuilt(self, changed: bool = False, watch: Callable[[int, int], None] = lambda done, of: None) -> Report:
        what = self.parts.log, self.parts.database, [self.runtime.directory]
        return rebuild(*what, changed=changed, watch=watch, passed=parking.positions)

    def verified(self) -> Report:
        return verify(self.parts.log, self.parts.database, [self.runtime.directory], passed=parking.positions)

    def tables(self) -> set[str]:
        with reading(self.parts.database) as connection:
            return set(connection.dialect.get_table_names(connection))

    def commanded(self, **told: object) -> int:
        nothing = {"verify": False, "changed": False, "back": False, "view": [], "directory": []}
        return command.main(**{**nothing, "folder": self.folder, **told})  # type: ignore[arg-type]


@pytest.fixture(params=["embedded", "servers"])
def goals(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hearing]:
    settings = embedded_settings(tmp_path)
    monkeypatch.delenv("MENTORING_DATABASE_URL", raising=False)
    if request.param == "servers":
        url = request.getfixturevalue("fresh_database")()
        settings = Settings(database_url=url, secrets_dir=tmp_path / "secrets", data_dir=tmp_path / "data")
        monkeypatch.setenv("MENTORING_DATABASE_URL", url)
        monkeypatch.setenv("MENTORING_SECRETS_DIR", str(tmp_path / "secrets"))
        subprocess.run([sys.executable, "-m", "services", "init"], check=True, cwd=ROOT, capture_output=True)
    else:
        platform.install(settings)
    goals = Hearing(tmp_path, settings, {})
    yield goals
    goals.parts.close()


def test_what_was_damaged_by_hand_is_found_and_mended(goals: Hearing) -> None:
    changed, deleted = goals.relationship(), goals.relationship()
    goals.hear()
    assert goals.rebuilt().switched
    goals.damage(
        f"UPDATE relationships SET phase = 'over' WHERE {_is(goals, changed)}",
        f"DELETE FROM relationships WHERE {_is(goals, deleted)}",
    )
    report = goals.rebuilt()
    assert not report.switched
    assert {(one.column, one.live, one.rebuilt) for one in report.differences} == {
        ("phase", '"over"', '"paused"'),
        ("the row", "not there", "there"),
    }
    assert goals.phase(changed) == "over"
    assert goals.rebuilt(changed=True).switched
    assert (goals.phase(changed), goals.phase(deleted)) == ("paused", "paused")
    assert goals.tables() == {"relationships", "checkpoints", "parked"}


@pytest.mark.parametrize("damage", ["DELETE FROM relationships", "DROP TABLE relationships"])
def test_a_directory_that_is_gone_comes_back(goals: Hearing, damage: str) -> None:
    one = goals.relationship()
    goals.hear()
    goals.damage(damage)
    assert goals.commanded(directory=["goals"], verify=True) == 1
    assert goals.commanded(directory=["goals"], changed=True) == 0
    assert goals.phase(one) == "paused"
    later = goals.relationship()
    goals.hear()
    assert goals.phase(later) == "paused"
    assert goals.verified().equal


def test_what_is_parked_stays_out_until_it_is_redriven(goals: Hearing) -> None:
    goals.hear()
    one = uuid4()
    goals.park(goals.happen("relationship_activated", one, mentor_id=str(uuid4()), mentee_id=str(uuid4())))
    goals.happen("relationship_paused", one)
    poisoned = uuid4()
    goals.happen("relationship_activated", poisoned, mentor_id="nobody can read this")
    goals.hear()
    report = goals.rebuilt()
    assert (report.switched, report.rows) == (True, {"relationships": 0})
    assert Subscription(goals.runtime).redrive(str(one)) == 2
    assert goals.phase(one) == "paused"
    assert goals.verified().equal


@pytest.mark.parametrize("before", [0, 1])
def test_what_is_redriven_or_parked_meanwhile_is_in_its_place(goals: Hearing, before: int) -> None:
    """Of one relationship something is parked before the rebuild begins, and something more while it is under way."""
    one, other = uuid4(), goals.relationship()
    goals.hear()
    goals.park(goals.happen("relationship_activated", one, mentor_id=str(uuid4()), mentee_id=str(uuid4())))
    for _ in range(before):
        goals.happen("relationship_paused", one)
    goals.hear()

    def meanwhile(done: int, of: int) -> None:
        goals.happen("relationship_ended", one)
        goals.hear()
        goals.park(goals.happen("relationship_resumed", other))
        assert Subscription(goals.runtime).redrive(str(one)) == 2 + before

    report = goals.rebuilt(watch=meanwhile)
    assert (report.differences, report.switched) == ((), True)
    assert (goals.phase(one), goals.phase(other)) == ("over", "paused")
    assert Subscription(goals.runtime).redrive(str(other)) == 1
    assert goals.phase(other) == "active"
    assert goals.verified().equal


def test_the_service_goes_on_meanwhile(goals: Hearing) -> None:
    first = goals.relationship()
    goals.hear()
    stop, failures, heard = threading.Event(), list[Exception](), list[UUID]()

    def until_stopped(work: Callable[[], None]) -> None:
        while not stop.wait(0.002):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the test shows them
                failures.append(error)

    def read() -> None:
        assert goals.phase(first) == "paused", "a relationship vanished"

    loops = [goals.hear, read, read, lambda: heard.append(goals.relationship())]
    threads = [threading.Thread(target=until_stopped, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    for _ in range(4):
        more = len(heard) + 5
        assert goals.rebuilt().switched
        eventually(partial(_has, heard, more))
    stop.set()
    for thread in threads:
        thread.join()
    goals.hear()
    assert failures == []
    assert goals.verified().rows == {"relationships": len(heard) + 1}
    assert goals.verified().equal


def test_the_directories_of_all_services_are_rebuilt_by_one_command(
    goals: Hearing, capsys: pytest.CaptureFixture[str]
) -> None:
    goals.relationship()
    goals.hear()
    assert goals.commanded() == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == list(command.DIRECTORIES)
    assert all(line.endswith(("and it is live now", "keeps no directory")) for line in told)
    with pytest.raises(SystemExit, match="there are those of identity"):
        goals.commanded(directory=["goal"])


def _has(heard: list[UUID], many: int) -> bool:
    return len(heard) >= many


def _is(goals: Hearing, one: UUID) -> str:
    postgresql = goals.parts.database.dialect.name == "postgresql"
    return f"relationship_id = '{one if postgresql else one.hex}'"

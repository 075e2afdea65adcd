"""`python -m services rebuild` on an embedded platform that runs meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from services import platform
from services.cli import rebuild
from services.gateway.views import programs
from services.surroundings import embedded_settings
from shared.database import open_database, writing

NOTHING = {"verify": False, "changed": False, "back": False, "view": []}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("MENTORING_DATABASE_URL", raising=False)
    with platform.embedded(embedded_settings(tmp_path)):
        yield tmp_path


def run(folder: Path, **told: object) -> int:
    return rebuild.main(**{**NOTHING, "folder": folder, **told})  # type: ignore[arg-type]


def test_it_switches_and_goes_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder) == 0
    assert "every view equals its rebuild, and it is live now" in capsys.readouterr().out
    assert run(folder, back=True) == 0
    assert "live again" in capsys.readouterr().out
    assert run(folder, verify=True) == 0
    assert capsys.readouterr().out.endswith("every view equals its rebuild\n")


def test_it_says_where_a_view_differs_and_ends_with_status_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = open_database(embedded_settings(folder).database_url, "views")
    with writing(database) as connection:
        connection.execute(text("UPDATE accounts SET coordinator = false"))
    database.dispose()
    assert run(folder, view=["accounts"]) == 1
    told = capsys.readouterr().out
    assert "accounts" in told and "coordinator is false live, true rebuilt" in told
    assert told.endswith("differing: accounts\n")
    assert run(folder, view=[programs.VIEW.name]) == 0

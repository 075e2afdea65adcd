"""What `make bench` leaves behind."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks import benchmarks
from bench.results import FILE, PAGE, publish, save
from bench.row import Row, at_least, at_most

ROW = Row("relay", "events/s", 6000, "dispatcher", 500, "bare", 15_000, (at_least(12, "peer"), at_least(0.5, "limit")))
HERE = {"machine": {"cores": "2"}, "versions": {"python": "3.11.7"}}
COLUMNS = {"name", "unit", "ours", "peer_name", "peer", "ratio", "limit_name", "limit", "goal", "spread", "reached"}


def rows_in(file: Path) -> dict[str, float]:
    return {row["name"]: row["ours"] for row in json.loads(file.read_text())["rows"]}


def test_a_row_tells_which_goals_it_missed() -> None:
    assert ROW.ratio == 12
    assert ROW.missed == (at_least(0.5, "limit"),)
    assert not replace(ROW, ours=7500).missed


@pytest.mark.parametrize(("ours", "missed"), [(9.9, False), (10.1, True)])
def test_a_goal_without_another_side_is_in_the_rows_own_unit(ours: float, missed: bool) -> None:
    assert bool(Row("latency", "ms", ours, goals=(at_most(10),)).missed) is missed


def test_a_benchmark_that_runs_again_replaces_its_rows_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    save([ROW, replace(ROW, name="append")], HERE, file)
    save([replace(ROW, ours=1)], HERE, file)
    assert rows_in(file) == {"relay": 1, "append": 6000}


def test_rows_of_another_machine_do_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    save([replace(ROW, name="append")], {**HERE, "machine": {"cores": "64"}}, file)
    save([ROW], HERE, file)
    assert rows_in(file) == {"relay": 6000}


def test_the_page_shows_the_results(tmp_path: Path) -> None:
    page, file = tmp_path / "speed.md", tmp_path / "results.json"
    page.write_text(PAGE.read_text())
    publish(page)
    assert page.read_text() == PAGE.read_text()
    save([replace(ROW, spread={"ours": (5000, 7000)})], HERE, file)
    publish(page, file)
    told = "| `relay` | 6,000 events/s (5,000 to 7,000) | dispatcher: 500 | 12 | bare: 15,000 |"
    assert f"{told} ≥ 12 × peer, ≥ 0.5 × limit | missed |\n<!-- end -->" in page.read_text()


def test_the_published_results_have_every_column_and_say_that_commits_were_durable() -> None:
    results = json.loads(FILE.read_text())
    assert results["durability"]["fsync"] == "on"
    for row in results["rows"]:
        assert set(row) == COLUMNS
        assert any(row["name"].startswith(name) for name in benchmarks())

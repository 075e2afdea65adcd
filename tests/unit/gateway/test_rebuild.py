"""Rebuilt tables take the place of the live ones only if they are equal, or are meant to differ."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, func, inspect, select, text, update

from services.gateway.rebuild import Report, back, rebuild, verify
from services.gateway.views import goals, messages, profiles, relationships
from shared.log import EventLog
from shared.projection import Projection, Row, View
from shared.rebuilding import NothingBefore, RebuildRunning, ViewUnknown
from shared.vault import Vault
from tests.unit.gateway.history import Story, new_story, write

Views = tuple[Projection, ...]


@pytest.fixture(autouse=True)
def told(log: EventLog, vault: Vault, database: Engine, views: Views, story: Story) -> Story:
    """What is in the log, and in the live tables."""
    write(log, vault, story, story.people() + story.relationship_events())
    follow(log, database, views)
    return story


def follow(log: EventLog, database: Engine, views: Views) -> None:
    with database.begin() as connection:
        for projection in views:
            projection.apply(connection, log.read(projection.checkpoint(connection), 100_000))


def tamper(database: Engine, **values: Any) -> None:
    with database.begin() as connection:
        connection.execute(update(goals.table).values(values))


def tables(database: Engine, suffix: str) -> set[str]:
    return {name.removesuffix(suffix) for name in inspect(database).get_table_names() if name.endswith(suffix)}


def target(database: Engine) -> float:
    with database.connect() as connection:
        return float(connection.scalars(select(goals.table.c.target)).one())


def names_of(views: Views) -> set[str]:
    return {name for projection in views for name in projection.tables}


def test_equal_tables_are_switched_and_the_older_kept(log: EventLog, database: Engine, views: Views) -> None:
    report = rebuild(log, database, views)
    assert (report.equal, report.switched, report.rows["relationships"]) == (True, True, 1)
    assert tables(database, "_before") == names_of(views) - {"profiles"} | {"checkpoints"}
    assert tables(database, "_rebuild") == tables(database, "_aside") == set()
    assert verify(log, database, views).equal


def test_what_stands_in_plain_is_not_kept_where_nobody_erases_it(log: EventLog, database: Engine, views: Views) -> None:
    rebuild(log, database, views)
    assert "profiles" not in tables(database, "_before")
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(profiles.table)) == 2


def test_the_live_tables_are_followed_after_the_switch_as_before(
    log: EventLog, vault: Vault, database: Engine, views: Views
) -> None:
    for _ in range(3):
        assert rebuild(log, database, views).switched
        story = new_story()
        write(log, vault, story, story.people() + story.relationship_events())
        follow(log, database, views)
    assert verify(log, database, views).rows["relationships"] == 4


def test_a_mismatch_is_found_to_the_value_and_nothing_is_switched(
    log: EventLog, database: Engine, views: Views
) -> None:
    tamper(database, target=6)
    report = rebuild(log, database, views)
    assert (report.differing, report.switched) == (("goals",), False)
    [difference] = report.differences
    assert (difference.column, difference.live, difference.rebuilt) == ("target", "6.0", "5.0")
    assert target(database) == 6
    assert tables(database, "_before") == tables(database, "_rebuild") == set()


def test_a_value_inside_of_another_is_found(log: EventLog, database: Engine, views: Views) -> None:
    with database.begin() as connection:
        connection.execute(
            text("""UPDATE relationships SET summary = replace(summary, '"messages": 2', '"messages": 7')""")
        )
    [difference] = verify(log, database, views).differences
    assert (difference.column, difference.live, difference.rebuilt) == ("summary.activity.messages", "7", "2")


def test_rows_that_are_missing_or_too_many_are_found(log: EventLog, database: Engine, views: Views) -> None:
    with database.begin() as connection:
        connection.execute(messages.table.delete())
        row = connection.execute(select(goals.table)).one()._mapping
        connection.execute(goals.table.insert().values({**row, "goal_id": row["relationship_id"]}))
    told = verify(log, database, views).differences
    assert {(one.view, one.column, one.live, one.rebuilt) for one in told} == {
        ("messages", "the row", "not there", "there"),
        ("goals", "the row", "there", "not there"),
    }


def test_what_people_wrote_is_not_told(log: EventLog, database: Engine, views: Views) -> None:
    with database.begin() as connection:
        connection.execute(update(profiles.table).values(headline="Astronaut"))
        connection.execute(update(messages.table).values(text=goals_title(connection)))
    report = verify(log, database, views)
    assert report.differing == ("messages", "profiles")
    told = " ".join(map(str, report.differences))
    assert "Astronaut" not in told and "Engineer" not in told
    assert "sealed:" not in told


def goals_title(connection: Any) -> Any:
    return connection.scalars(select(goals.table.c.title)).one()


def test_one_view_is_rebuilt_alone(log: EventLog, database: Engine, views: Views) -> None:
    tamper(database, target=6)
    report = rebuild(log, database, views, ["messages", "files"])
    assert (report.switched, set(report.rows)) == (True, {"messages", "files"})
    assert tables(database, "_before") == {"messages", "files", "checkpoints"}
    assert target(database) == 6


def test_each_view_alone_needs_no_more_than_it_says(log: EventLog, database: Engine, views: Views) -> None:
    """Alone, it gets the events that no other reads without their values."""
    for name in names_of(views):
        assert verify(log, database, views, [name]).differences == ()


def test_a_changed_view_is_switched_when_its_owner_says_so(log: EventLog, database: Engine, views: Views) -> None:
    newer = (Projection("views", [doubled(goals.VIEW)], views[0].catalogue),)
    refused = rebuild(log, database, newer)
    assert (refused.differing, refused.switched) == (("goals",), False)
    assert rebuild(log, database, newer, changed=True).switched
    with database.connect() as connection:
        assert connection.scalars(text("SELECT twice FROM goals")).one() == 10
    assert verify(log, database, newer).equal


def doubled(view: View) -> View:
    """With a column more."""

    def evolve(row: Row | None, *happened: Any) -> Row | None:
        after = view.evolve(row, *happened)
        return after and {**after, "twice": 2 * after["target"]}

    return replace(view, columns=(*view.columns, Column("twice", Integer)), evolve=evolve)


def test_going_back_brings_the_older_tables_up_to_date_and_can_be_undone(
    log: EventLog, vault: Vault, database: Engine, views: Views
) -> None:
    tamper(database, reason="as it was before")
    rebuild(log, database, views, changed=True)
    story = new_story()
    write(log, vault, story, story.people() + story.relationship_events())
    follow(log, database, views)
    assert "goals" in back(log, database, views)
    assert verify(log, database, views).differing == ("goals",)
    with database.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(relationships.table)) == 2
    back(log, database, views)
    assert verify(log, database, views).equal


def test_there_is_no_way_back_before_the_first_switch(log: EventLog, database: Engine, views: Views) -> None:
    with pytest.raises(NothingBefore):
        back(log, database, views)


def test_a_later_rebuild_drops_what_an_earlier_one_kept(log: EventLog, database: Engine, views: Views) -> None:
    rebuild(log, database, views)
    rebuild(log, database, views, ["goals"])
    assert tables(database, "_before") == {"goals", "checkpoints"}


def test_a_second_rebuild_at_the_same_time_is_refused(log: EventLog, database: Engine, views: Views) -> None:
    inside, done = threading.Event(), threading.Event()
    reports: list[Report] = []

    def slowly(reached: int, of: int) -> None:
        inside.set()
        assert done.wait(10)

    first = threading.Thread(target=lambda: reports.append(rebuild(log, database, views, watch=slowly)))
    first.start()
    assert inside.wait(10)
    for again in (verify, rebuild, back):
        with pytest.raises(RebuildRunning, match="under way"):
            again(log, database, views)
    done.set()
    first.join()
    assert reports[0].switched
    assert verify(log, database, views).equal


def test_who_watches_is_told_how_far_it_is(log: EventLog, database: Engine, views: Views) -> None:
    seen: list[tuple[int, int]] = []
    verify(log, database, views, watch=lambda done, of: seen.append((done, of)))
    head = log.head().position
    assert seen == [(head, 2 * head), (2 * head, 2 * head)]


def test_a_view_that_nobody_knows_is_named(log: EventLog, database: Engine, views: Views) -> None:
    with pytest.raises(ViewUnknown, match="goal:"):
        verify(log, database, views, ["goal"])


@pytest.mark.parametrize("held", [1, 3])
def test_rows_that_are_let_go_in_between_are_found_again(
    log: EventLog, vault: Vault, database: Engine, views: Views, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    stories: Sequence[Story] = [new_story() for _ in range(3)]
    for step in zip(*(story.people() + story.relationship_events() for story in stories), strict=True):
        for story, told in zip(stories, step, strict=True):
            write(log, vault, story, [told])
    follow(log, database, views)
    monkeypatch.setattr("shared.rebuilding.HELD", held)
    monkeypatch.setattr("shared.rebuilding.BATCH", 5)
    assert verify(log, database, views).differences == ()


def test_indexes_are_those_of_the_definition(log: EventLog, database: Engine, views: Views) -> None:
    def indexed() -> set[tuple[str | None, ...]]:
        return {tuple(index["column_names"]) for index in inspect(database).get_indexes("goals")}

    before = indexed()
    rebuild(log, database, views)
    rebuild(log, database, views)
    assert indexed() == before == {("goal_id",), ("relationship_id",)}

"""Every view equals its rebuild from the log; one that was tampered with is named."""

import pytest
from fastapi import FastAPI
from sqlalchemy import inspect, text, update

from services.gateway.app import Gateway
from services.gateway.following import checkpoint
from services.gateway.rebuild import Report, verify
from services.gateway.views import goals, projections
from tests.e2e.api.people import GOAL, Pair, in_days


@pytest.fixture
def gateway(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


def rebuilt(gateway: Gateway) -> Report:
    return verify(gateway.log, gateway.database, projections(gateway.vault))


def test_every_view_equals_its_rebuild(pair: Pair, gateway: Gateway) -> None:
    pair.post(pair.mentee, "messages", text="Hello")
    pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])
    before = checkpoint(gateway.database, projections(gateway.vault))
    report = rebuilt(gateway)
    assert (report.equal, report.differing) == (True, ())
    assert report.events >= before > 0
    assert report.rows["relationships"] >= 1
    assert report.events_per_second > 0
    assert not [name for name in inspect(gateway.database).get_table_names() if name.endswith("_rebuild")]
    assert pair.mentee.get(f"{pair.path}/messages")["items"][0]["text"] == "Hello"


def test_a_view_that_was_tampered_with_is_named(pair: Pair, gateway: Gateway) -> None:
    pair.post(pair.mentee, "goals", **GOAL, due=in_days(90)[:10])
    with gateway.database.begin() as connection:
        connection.execute(update(goals.table).values(target=goals.table.c.target + 1))
    assert rebuilt(gateway).differing == ("goals",)
    with gateway.database.begin() as connection:
        connection.execute(update(goals.table).values(target=goals.table.c.target - 1))
    assert rebuilt(gateway).equal


def test_what_a_cut_off_rebuild_left_behind_is_cleared_away(pair: Pair, gateway: Gateway) -> None:
    with gateway.database.begin() as connection:
        connection.execute(text("CREATE TABLE goals_rebuild (goal_id INTEGER)"))
    assert rebuilt(gateway).equal


def test_texts_stand_sealed_in_the_views(pair: Pair, gateway: Gateway) -> None:
    pair.post(pair.mentee, "messages", text="Between the two of us")
    with gateway.database.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert "Between the two of us" not in str(rows)

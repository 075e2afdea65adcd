"""One row, looked up in the event loop: as SQLAlchemy reads it, on both databases, and what a dead connection costs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Engine,
    Integer,
    MetaData,
    Table,
    Uuid,
    bindparam,
    create_engine,
    func,
    insert,
    literal,
    select,
    text,
)

from shared import clock
from shared.database import Timestamp, install_owner, open_database
from shared.lookup import AT_ONCE, Lookup, open_lookup
from shared.refusals import Unavailable

things = Table(
    "things",
    MetaData(),
    Column("thing", Uuid, primary_key=True),
    Column("size", Integer),
    Column("made_at", Timestamp),
    Column("told", JSON),
)
BY_ID = select(things, literal(7).label("seven")).where(things.c.thing == bindparam("thing"))
THING = {"thing": uuid4(), "size": 3, "made_at": clock.now(), "told": {"name": "Grüße", "of": [1, None]}}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def postgres_url(fresh_database: Callable[[], str]) -> str:
    url = fresh_database()
    install_owner(url, "views")
    return url


def stocked(url: str) -> Iterator[Engine]:
    engine = open_database(url, "views")
    with engine.begin() as connection:
        things.create(connection)
        connection.execute(insert(things).values(THING))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    yield from stocked(url)


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Engine]:
    yield from stocked(postgres_url)


def using(engine: Engine, use: Callable[[Lookup], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        lookup = open_lookup(engine)
        try:
            return await use(lookup)
        finally:
            await lookup.close()

    return asyncio.run(run())


def of_others(url: str, what: str) -> list[Any]:
    """`what` of each other connection to this database: a column, or what is to be done to it."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    administrator = create_engine(url)
    with administrator.connect() as connection:
        told = list(connection.scalars(text(f"SELECT {what} {others}")))
    administrator.dispose()
    return told


def end_connections(url: str) -> None:
    assert len(of_others(url, "pg_terminate_backend(pid)")) >= 5


def test_a_row_is_what_sqlalchemy_reads(engine: Engine) -> None:
    with engine.connect() as connection:
        expected = connection.execute(BY_ID, {"thing": THING["thing"]}).one()
    found = using(engine, lambda lookup: lookup.one(BY_ID, thing=THING["thing"]))
    assert found == expected
    assert found._asdict() == {**THING, "seven": 7}
    assert found.made_at.tzinfo is expected.made_at.tzinfo


def test_where_there_is_no_row_there_is_none(engine: Engine) -> None:
    assert using(engine, lambda lookup: lookup.one(BY_ID, thing=uuid4())) is None


def test_more_at_once_than_connections_are_all_answered(engine: Engine) -> None:
    async def many(lookup: Lookup) -> list[Any]:
        return list(await asyncio.gather(*(lookup.one(BY_ID, thing=THING["thing"]) for _ in range(5 * AT_ONCE))))

    assert [row.size for row in using(engine, many)] == [3] * (5 * AT_ONCE)


def test_the_request_that_meets_a_dead_connection_is_told_so_and_no_other(
    on_postgres: Engine, postgres_url: str
) -> None:
    async def meet(lookup: Lookup) -> None:
        await asyncio.gather(*(lookup.one(BY_ID, thing=THING["thing"]) for _ in range(5)))
        end_connections(postgres_url)
        with pytest.raises(Unavailable):
            await lookup.one(BY_ID, thing=THING["thing"])
        assert [row.size for row in [await lookup.one(BY_ID, thing=THING["thing"]) for _ in range(5)] if row] == [3] * 5

    using(on_postgres, meet)


def test_connections_that_died_while_nobody_asked_cost_nobody_an_answer(
    on_postgres: Engine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.lookup.IDLE_SECONDS", 0.0)

    async def come_back(lookup: Lookup) -> Any:
        await asyncio.gather(*(lookup.one(BY_ID, thing=THING["thing"]) for _ in range(5)))
        end_connections(postgres_url)
        return await lookup.one(BY_ID, thing=THING["thing"])

    assert using(on_postgres, come_back).size == 3


def test_a_lookup_given_up_midway_keeps_neither_the_next_nor_the_database_waiting(
    on_postgres: Engine, postgres_url: str
) -> None:
    async def give_up(lookup: Lookup) -> Any:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lookup.one(select(func.pg_sleep(60))), 0.2)
        return await asyncio.wait_for(lookup.one(BY_ID, thing=THING["thing"]), 10)

    assert using(on_postgres, give_up).size == 3
    assert "active" not in of_others(postgres_url, "state")

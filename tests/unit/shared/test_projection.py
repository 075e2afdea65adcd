from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, update

from shared import clock
from shared.database import open_database
from shared.ids import NIL, new_id
from shared.log import Append, Entry, EventLog, open_log
from shared.messages import Catalogue
from shared.projection import Projection, Rows, catch_up
from tests.unit.shared.counting import HEARD, Counted, Rang

COUNTERS = [uuid4() for _ in range(7)]


@pytest.fixture
def log() -> EventLog:
    log = open_log("memory:")
    for number in range(50):
        counter = COUNTERS[number % 7]
        data = Rang(counter_id=counter, times=1).model_dump_json()
        entry = Entry(new_id(), Rang.type if number % 3 else "bells.unheard", 1, None, clock.now(), data)
        log.append([Append(f"bell-{number}", 0, new_id(), b"", NIL, "bells", NIL, None, (entry,))])
    return log


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return open_database(f"sqlite:///{tmp_path}", "views")


@pytest.fixture
def projection(database: Engine) -> Projection:
    projection = Projection("test", [HEARD], Catalogue(Counted, Rang))
    with database.begin() as connection:
        projection.install(connection)
    return projection


def fold(projection: Projection, database: Engine, log: EventLog, until: int, batch: int) -> None:
    with database.begin() as connection:
        list(catch_up(projection, connection, log, until, batch))


def digests(projection: Projection, database: Engine) -> dict[str, str]:
    with database.connect() as connection:
        return projection.digests(connection)


def test_each_event_is_folded_into_its_row(projection: Projection, database: Engine, log: EventLog) -> None:
    fold(projection, database, log, 50, batch=50)
    with database.connect() as connection:
        rows = Rows(projection, connection).where(HEARD)
    assert sum(row["events"] for row in rows) == 33
    assert {row["counter_id"] for row in rows} == set(COUNTERS)


@pytest.mark.parametrize("batch", [1, 2, 7, 50])
def test_live_in_any_batches_equals_rebuilt_at_once(
    projection: Projection, database: Engine, log: EventLog, batch: int
) -> None:
    fold(projection, database, log, 50, batch)
    beside = projection.beside("_rebuild")
    with database.begin() as connection:
        beside.install(connection)
    fold(beside, database, log, 50, batch=1000)
    assert digests(beside, database) == digests(projection, database)


def test_one_changed_value_changes_the_digest(projection: Projection, database: Engine, log: EventLog) -> None:
    fold(projection, database, log, 50, batch=50)
    before = digests(projection, database)
    with database.begin() as connection:
        table = projection.tables["heard"]
        connection.execute(update(table).where(table.c.counter_id == COUNTERS[0]).values(last="tampered"))
    assert digests(projection, database) != before


def test_a_repeat_changes_nothing(projection: Projection, database: Engine, log: EventLog) -> None:
    fold(projection, database, log, 50, batch=50)
    before = digests(projection, database)
    with database.begin() as connection:
        assert projection.apply(connection, log.read(10, 20)) == 50
    assert digests(projection, database) == before


def test_a_gap_is_refused_and_nothing_is_changed(projection: Projection, database: Engine, log: EventLog) -> None:
    fold(projection, database, log, 10, batch=10)
    with pytest.raises(ValueError, match="stands at 10"), database.begin() as connection:
        projection.apply(connection, log.read(11))
    with pytest.raises(ValueError, match="stands at 10"), database.begin() as connection:
        projection.apply(connection, [*log.read(10, 3), *log.read(14, 3)])
    with database.connect() as connection:
        assert projection.checkpoint(connection) == 10


def test_a_failed_batch_leaves_rows_and_checkpoint_as_they_were(
    projection: Projection, database: Engine, log: EventLog
) -> None:
    fold(projection, database, log, 10, batch=10)
    before = digests(projection, database)
    with database.connect() as connection:
        projection.apply(connection, log.read(10, 10))
        connection.rollback()
    assert digests(projection, database) == before

"""Tables folded from the log anew, beside the live ones: to compare them, and to take their place.

Nobody is held up: the live tables are read, and kept up with the log, while their rebuild fills. They are compared as
of one position, and change places in one transaction. The older tables stay, for going back.
"""

import gc
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from sqlalchemy import Connection, Engine, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from shared.comparing import Difference, columns, differences, digest
from shared.database import reading, snapshot, writing
from shared.dividing import divided, processes
from shared.folding import Folding
from shared.log import EventLog, Recorded, Share, open_log
from shared.projection import Projection
from shared.refusals import Conflict, Invalid, NotFound, Unavailable

REBUILD, BEFORE, ASIDE = "_rebuild", "_before", "_aside"
BATCH = 2000
HELD = 20_000
WORTH_DIVIDING = 50_000
TOLD = 10
LOCK_MILLISECONDS = 400
SWITCH_SECONDS = 60.0
PAUSE_SECONDS = 0.1

Watch = Callable[[int, int], None]
"""Told again and again how many events are done, of how many."""

Passed = Callable[[Connection], frozenset[int]]
"""The positions up to the checkpoint that a projection leaves out for now, in the moment that this connection sees."""


class RebuildRunning(Conflict):
    """Another rebuild of these tables is under way."""


class ViewUnknown(Invalid):
    """There is no such table."""


class NothingBefore(NotFound):
    """There are no older tables to go back to."""


class NeverFree(Unavailable):
    """The tables were in use without a pause: nothing was switched. Try again."""


@dataclass(frozen=True)
class Report:
    """`rows` of each rebuilt view, as of the position `events`. `differences` are the first few of each view in
    `differing`, whose rebuild has other rows than the live table. `switched`: the rebuilt tables are the live ones now.
    """

    events: int
    rows: Mapping[str, int]
    seconds: float
    differing: tuple[str, ...]
    differences: tuple[Difference, ...]
    switched: bool = False

    @property
    def equal(self) -> bool:
        return not self.differing

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0


def _unwatched(done: int, of: int) -> None:
    """Nobody looks."""


def nothing(connection: Connection) -> frozenset[int]:
    """Is left out."""
    return frozenset()


def verify(
    log: EventLog,
    database: Engine,
    projections: Sequence[Projection],
    names: Collection[str] = (),
    watch: Watch = _unwatched,
    passed: Passed = nothing,
) -> Report:
    """Compares the tables of these names (all) with their rebuild. Nothing is switched."""
    with _alone(database), _built(log, database, _chosen(projections, names), watch, passed) as built:
        return built.compared()


def rebuild(
    log: EventLog,
    database: Engine,
    projections: Sequence[Projection],
    names: Collection[str] = (),
    *,
    changed: bool = False,
    watch: Watch = _unwatched,
    passed: Passed = nothing,
) -> Report:
    """Puts the rebuilt tables in the place of the live ones if they are equal, or are meant to have `changed`."""
    with _alone(database), _built(log, database, _chosen(projections, names), watch, passed) as built:
        report = built.compared()
        if not (report.equal or changed):
            return report
        built.switch(REBUILD, dropping=projections)
        return replace(report, switched=True)


def back(log: EventLog, database: Engine, projections: Sequence[Projection]) -> list[str]:
    """Switches to the tables that were live before the last switch, brought up to date first. Returns their names."""
    with _alone(database):
        with reading(database) as connection:
            there = inspect(connection).get_table_names()
        names = [v.name for projection in projections for v in projection.views if v.name + BEFORE in there]
        if not names:
            raise NothingBefore()
        chosen = _chosen(projections, names)
        befores = [projection.beside(BEFORE) for projection in chosen]
        _Built(log, database, chosen, befores, nothing, set(), 0.0).switch(BEFORE)
        return names


@dataclass(frozen=True)
class _Built:
    """The tables of each of `besides`, as of some position, next to those of the live one of the same place.

    They leave out the positions in `behind`, because the live ones did when they were last looked at.
    """

    log: EventLog
    database: Engine
    lives: Sequence[Projection]
    besides: Sequence[Projection]
    passed: Passed
    behind: set[int]
    seconds: float

    def compared(self) -> Report:
        """As of one moment of the live tables, up to which the others are folded first."""
        told: dict[str, list[Difference]] = {}
        rows: dict[str, int] = {}
        with snapshot(self.database) as now:
            reached = [live.checkpoint(now) for live in self.lives]
            passed = self.passed(now)
            for live, beside, position in zip(self.lives, self.besides, reached, strict=True):
                self._advance(beside, position, passed)
                with snapshot(self.database) as connection:
                    for name, table in beside.tables.items():
                        rows[name] = connection.scalar(select(func.count()).select_from(table)) or 0
                        sides = (now, live.tables[name]), (connection, table)
                        told[name] = _differences(name, *sides, in_plain=live.sealer is not None)
        differing = tuple(sorted(name for name, found in told.items() if found))
        first = tuple(one for name in differing for one in told[name])
        return Report(max(reached, default=0), rows, self.seconds, differing, first)

    def switch(self, suffix: str, dropping: Sequence[Projection] = ()) -> None:
        """Waits for a moment when nobody uses the live tables. They are locked so briefly that readers wait, but never
        fail; when a reader is too slow, it is let through and the switch tried again.
        """
        until = time.monotonic() + SWITCH_SECONDS
        while True:
            try:
                self._catch_up()
                with writing(self.database) as connection:
                    self._switch(connection, suffix, dropping)
                return
            except Unavailable:
                if time.monotonic() > until:
                    raise NeverFree() from None
                time.sleep(PAUSE_SECONDS)

    def _switch(self, connection: Connection, suffix: str, dropping: Sequence[Projection]) -> None:
        reached = [live.lock(connection) for live in self.lives]
        passed = self.passed(connection)
        for beside, position in zip(self.besides, reached, strict=True):
            self._make_up(connection, beside, passed)
            for batch in _batches(self.log, beside.checkpoint(connection), position):
                beside.apply(connection, batch, without=passed)
        _lock_out(connection, [name for live in self.lives for name in live.tables])
        for projection in dropping:
            _drop_tables(connection, [name + BEFORE for name in projection.tables])
        for live, position in zip(self.lives, reached, strict=True):
            for name in live.tables:
                _exchange(connection, name, suffix)
            if self.keeps(live):
                before = live.beside(BEFORE)
                before.start(connection)
                before.move(connection, position)
            else:
                _drop_tables(connection, [name + BEFORE for name in live.tables])

    def keeps(self, live: Projection) -> bool:
        """Whether its older tables stay. People are erased from the live ones only; and where something may be left
        out, nobody would know later what the older ones lack."""
        return live.sealer is None and self.passed is nothing

    def _catch_up(self) -> None:
        for live, beside in zip(self.lives, self.besides, strict=True):
            with snapshot(self.database) as connection:
                position, passed = live.checkpoint(connection), self.passed(connection)
            self._advance(beside, position, passed)

    def _advance(self, beside: Projection, until: int, passed: frozenset[int]) -> None:
        with writing(self.database) as connection:
            self._make_up(connection, beside, passed)
        self.behind.intersection_update(passed)
        with reading(self.database) as connection:
            position = beside.checkpoint(connection)
        for batch in _batches(self.log, position, until):
            with writing(self.database) as connection:
                beside.apply(connection, batch, without=passed)
            self.behind.update(one.position for one in batch if one.position in passed)

    def _make_up(self, connection: Connection, beside: Projection, passed: frozenset[int]) -> None:
        """Fold what the live tables have taken in late, before what is new: that of its subject comes after it."""
        for position in sorted(self.behind - passed):
            beside.fold(connection, self.log.read(position - 1, 1))


@contextmanager
def _built(
    log: EventLog, database: Engine, lives: Sequence[Projection], watch: Watch, passed: Passed
) -> Iterator[_Built]:
    besides = [live.beside(REBUILD) for live in lives]
    _drop(database, besides)
    began = time.perf_counter()
    try:
        with snapshot(database) as connection:
            untils = [live.checkpoint(connection) for live in lives]
            behind = passed(connection)
        for number, beside in enumerate(besides):
            told = partial(_add, watch, sum(untils[:number]), sum(untils))
            _build(log, database, beside, untils[number], told, behind)
        yield _Built(log, database, lives, besides, passed, set(behind), time.perf_counter() - began)
    finally:
        _drop(database, besides)


def _add(watch: Watch, before: int, of: int, done: int) -> None:
    watch(before + done, of)


def _build(
    log: EventLog,
    database: Engine,
    beside: Projection,
    until: int,
    watch: Callable[[int], None],
    without: frozenset[int],
) -> None:
    with _changing(database) as connection:
        beside.install(connection, indexed=False)
    shares = _shares(database, beside, until)
    with _without_collecting():
        if shares == 1:
            _fill(log, database, beside, until, without, watch)
        else:
            filling = partial(_fill_share, database, beside, until, without, shares)
            divided(filling, shares, lambda done: watch(done // shares))
    with _changing(database) as connection:
        beside.move(connection, until)
        beside.index(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ANALYZE {', '.join(table.name for table in beside.tables.values())}"))


def _shares(database: Engine, beside: Projection, until: int) -> int:
    """Whoever opens personal values asks another database for keys: that is not divided."""
    worthwhile = until >= WORTH_DIVIDING and database.dialect.name == "postgresql" and beside.sealer is None
    return processes() if worthwhile else 1


def _fill_share(
    database: Engine,
    beside: Projection,
    until: int,
    without: frozenset[int],
    shares: int,
    number: int,
    watch: Callable[[int], None],
) -> None:
    """In a process of its own, over connections of its own."""
    database.dispose(close=False)
    with closing(open_log(database.url.render_as_string(hide_password=False))) as log:
        _fill(log, database, beside, until, without, watch, Share(number, shares))


def _fill(
    log: EventLog,
    database: Engine,
    beside: Projection,
    until: int,
    without: frozenset[int],
    watch: Callable[[int], None],
    share: Share | None = None,
) -> None:
    folding = Folding(beside, blank=True)
    for reached, batch in _ahead(log, beside.types, until, share):
        with reading(database) as connection:
            folding.take(connection, [one for one in batch if one.position not in without] if without else batch)
        if folding.full(HELD // 2):
            with _changing(database) as connection:
                folding.make_room(connection, HELD // 2)
        watch(reached)
    with _changing(database) as connection:
        folding.write(connection)


def _ahead(
    log: EventLog, types: Sequence[str], until: int, share: Share | None
) -> Iterator[tuple[int, list[Recorded]]]:
    """How far it has come, with each batch. The next one is read while this one is folded."""

    def read(after: int) -> list[Recorded]:
        return log.read(after, min(BATCH, until - after), types, share)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, 0)
        for after in range(0, until, BATCH):
            batch = coming.result()
            coming = reader.submit(read, min(after + BATCH, until))
            yield min(after + BATCH, until), batch


def _batches(log: EventLog, after: int, until: int) -> Iterator[list[Recorded]]:
    while after < until:
        batch = log.read(after, min(BATCH, until - after))
        yield batch
        after = batch[-1].position


def _differences(
    name: str, live: tuple[Connection, Table], rebuilt: tuple[Connection, Table], in_plain: bool
) -> list[Difference]:
    """The first few."""
    have, want = columns(*live), columns(*rebuilt)
    if sorted(have) != sorted(want):
        return [Difference(name, (), "the table", ", ".join(have) or "not there", ", ".join(want))]
    if digest(*live) == digest(*rebuilt):
        return []
    return list(islice(differences(name, live, rebuilt, in_plain), TOLD))


@contextmanager
def _alone(database: Engine) -> Iterator[None]:
    """One rebuild of an owner's tables at a time; a process that dies makes room for the next."""
    with _alone_on_server(database) if database.dialect.name == "postgresql" else _alone_at_file(database):
        yield


@contextmanager
def _alone_on_server(database: Engine) -> Iterator[None]:
    lock = "(hashtext('mentoring.rebuild'), hashtext(current_schema()))"
    with reading(database.execution_options(isolation_level="AUTOCOMMIT")) as connection:
        if not connection.scalar(text(f"SELECT pg_try_advisory_lock{lock}")):
            raise RebuildRunning()
        try:
            yield
        finally:
            with suppress(DBAPIError):  # a session that has ended holds no lock
                connection.execute(text(f"SELECT pg_advisory_unlock{lock}"))


@contextmanager
def _alone_at_file(database: Engine) -> Iterator[None]:
    connection = sqlite3.connect(f"{database.url.database}.rebuild", timeout=0, isolation_level=None)
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise RebuildRunning() from None
        yield


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Rows and events hold no cycles; to look for some, among all that is held, takes as long as the fold itself."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _changing(database: Engine) -> Iterator[Connection]:
    """A transaction that begins by writing: SQLite lets no other write after what was read may have changed."""
    with writing(database) as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DELETE FROM checkpoints WHERE false"))
        yield connection


def _lock_out(connection: Connection, names: Sequence[str]) -> None:
    """Whoever reads the tables waits from here on. Gives up, as `Unavailable`, before PostgreSQL would take it and a
    reader, each waiting for the other, for a deadlock and end one of them. SQLite's readers see what was.
    """
    there = set(inspect(connection).get_table_names()).intersection(names)
    if there and connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {LOCK_MILLISECONDS}"))
        connection.execute(text(f"LOCK TABLE {', '.join(sorted(there))} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(text("SET LOCAL statement_timeout TO DEFAULT"))


def _exchange(connection: Connection, name: str, suffix: str) -> None:
    """The live table becomes the one from before, and the one with the suffix the live one."""
    was_live = inspect(connection).has_table(name)
    if was_live:
        _rename(connection, name, name + ASIDE)
    _rename(connection, name + suffix, name)
    if was_live:
        _rename(connection, name + ASIDE, name + BEFORE)


def _rename(connection: Connection, name: str, to: str) -> None:
    connection.execute(text(f"ALTER TABLE {name} RENAME TO {to}"))


def _drop_tables(connection: Connection, names: Collection[str]) -> None:
    for name in names:
        connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


def _drop(database: Engine, besides: Sequence[Projection]) -> None:
    with _changing(database) as connection:
        for beside in besides:
            beside.drop(connection)


def _chosen(projections: Sequence[Projection], names: Collection[str]) -> list[Projection]:
    known = {name for projection in projections for name in projection.tables}
    if unknown := sorted(set(names) - known):
        raise ViewUnknown(f"There is no view {', '.join(unknown)}: there are {', '.join(sorted(known))}.")
    narrowed = [projection.only(names or known) for projection in projections]
    return [projection for projection in narrowed if projection.views]

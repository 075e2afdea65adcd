"""Replacing the master key while the platform runs: persons' keys are wrapped anew, the log stays as it is.

First the new master key is in the folder of secrets, then in the table, from where on new keys are wrapped by it; then
every key is wrapped anew; at last the old one is taken from the table, which refuses as long as a key names it, and
from the folder. Cut off anywhere, nothing is lost: repeated, it goes on where it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared.database import reading, writing
from shared.keys import KeysMissing
from shared.masters import Masters
from shared.vault import keys, masters, unwrap, wrap

AT_ONCE = 500


@dataclass(frozen=True)
class Status:
    """`wrapped`: master key → how many persons' keys it wraps, the newest first. `erased`: how many were destroyed."""

    wrapped: dict[str, int]
    erased: int


def status(engine: Engine) -> Status:
    with reading(engine) as connection:
        rows = connection.execute(select(keys.c.master, func.count().label("times")).group_by(keys.c.master))
        counted: dict[str | None, int] = {row.master: row.times for row in rows}
        return Status({master: counted.get(master, 0) for master in _registered(connection)}, counted.get(None, 0))


def rotate(engine: Engine, ring: Masters) -> Iterator[int]:
    """Yields how many keys were wrapped anew, batch by batch. `engine` is the key store's own.

    Raises `KeysMissing` when a master key that is needed is not there.
    """
    with ring.locked():
        newest = _begin(engine, ring)
        while True:
            while rewrapped := _rewrap(engine, ring, newest):
                yield rewrapped
            if _retire(engine, ring, newest):
                return


def _begin(engine: Engine, ring: Masters) -> str:
    """The master key to wrap by: that of a rotation which was cut off, or a new one."""
    with reading(engine) as connection:
        registered = _registered(connection)
    if missing := set(registered) - set(ring.ids()):
        raise KeysMissing(f"the key store needs the master keys {sorted(missing)}: restore them")
    for left in set(ring.ids()) - set(registered):
        ring.remove(left)
    if len(registered) > 1:
        return registered[0]
    newest = ring.add()
    with writing(engine) as connection:
        number = select(func.coalesce(func.max(masters.c.number), 0) + 1).scalar_subquery()
        connection.execute(insert(masters).values(master=newest, number=number))
    return newest


def _rewrap(engine: Engine, ring: Masters, newest: str) -> int:
    """One batch, first thing by a write: SQLite lets nobody in between then. A key that is destroyed meanwhile stays
    destroyed."""
    with writing(engine) as connection:
        connection.execute(update(masters).values(number=masters.c.number))
        rows = connection.execute(select(keys).where(keys.c.master != newest).limit(AT_ONCE)).all()
        for row in rows:
            same = (keys.c.person == row.person, keys.c.wrapped == row.wrapped)
            connection.execute(update(keys).where(*same).values(master=newest, wrapped=_anew(ring, row, newest)))
    return len(rows)


def _anew(ring: Masters, row: Row[Any], newest: str) -> bytes:
    before, after = ring.get(row.master), ring.get(newest)
    if before is None or after is None:
        raise KeysMissing(f"the key store needs the master keys {row.master} and {newest}: restore them")
    return wrap(after, row.person, unwrap(before, row.person, row.wrapped))


def _retire(engine: Engine, ring: Masters, newest: str) -> bool:
    """Whether the old ones are gone: not while a key that was made meanwhile names one."""
    try:
        with writing(engine) as connection:
            connection.execute(delete(masters).where(masters.c.master != newest))
    except IntegrityError:
        return False
    for old in set(ring.ids()) - {newest}:
        ring.remove(old)
    return True


def _registered(connection: Connection) -> list[str]:
    """The newest first."""
    return list(connection.scalars(select(masters.c.master).order_by(masters.c.number.desc())))

"""Staying signed in."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine, delete, insert, select, update

from services.identity.adapters.keyring import Keyring
from services.identity.adapters.tables import sessions
from shared.database import writing
from shared.ids import new_id
from shared.refusals import Unauthenticated

SESSION = timedelta(days=30)
REPEAT = timedelta(minutes=1)


class SessionOver(Unauthenticated):
    """This session is over: sign in again."""


class Sessions:
    """Refresh tokens, kept as digests. Each is good for one refresh; all that follow from one sign-in are a family,
    and a token that shows up a second time ends its family: somebody else has had it.

    The same command again within a minute is no second time: it gets the same token.
    """

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    def open(self, person_id: UUID, now: datetime) -> str:
        token = secrets.token_urlsafe(32)
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(_row(token, new_id(), person_id, now)))
        return token

    def rotate(self, token: str, command_id: UUID, now: datetime) -> tuple[UUID, str]:
        """The person and the token that replaces this one. Raises `SessionOver`."""
        mine = sessions.c.token == _digest(token)
        with writing(self._engine) as connection:
            unused = (mine, sessions.c.rotated_at.is_(None), sessions.c.expires_at > now)
            first = connection.execute(update(sessions).where(*unused).values(rotated_at=now, rotated_by=command_id))
            row = connection.execute(select(sessions).where(mine)).one_or_none()
            replacement = self._keyring.next_refresh_token(token, command_id)
            if row and first.rowcount:
                connection.execute(insert(sessions).values(_row(replacement, row.family, row.person_id, now)))
            elif row and not (row.rotated_by == command_id and row.rotated_at > now - REPEAT):
                connection.execute(delete(sessions).where(sessions.c.family == row.family))
                row = None
        if row is None:
            raise SessionOver()
        return row.person_id, replacement

    def end(self, token: str) -> None:
        """The token's whole family; one that is not known has ended already."""
        family = select(sessions.c.family).where(sessions.c.token == _digest(token)).scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.family == family))

    def forget(self, person_id: UUID) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.person_id == person_id))


def _row(token: str, family: UUID, person_id: UUID, now: datetime) -> dict[str, object]:
    return {"token": _digest(token), "family": family, "person_id": person_id, "expires_at": now + SESSION}


def _digest(token: str) -> str:
    """A token is random enough that its digest needs no key."""
    return hashlib.sha256(token.encode()).hexdigest()

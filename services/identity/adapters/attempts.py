"""Holds up whoever tries password after password."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from services.identity.adapters.tables import attempts
from shared.database import writing
from shared.ids import new_id
from shared.refusals import Throttled

ATTEMPTS, WINDOW = 10, timedelta(minutes=15)


class TooManyAttempts(Throttled):
    """Too many failed attempts with this e-mail: wait a while."""


class Attempts:
    """Sign-ins that have not succeeded, by the e-mail's digest, whether or not anybody has that e-mail.

    Some that arrive at the very same moment may slip through together.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, email: str, now: datetime) -> None:
        """Counts as failed until `succeed`. Raises `TooManyAttempts`."""
        with writing(self._engine) as connection:
            connection.execute(delete(attempts).where(attempts.c.at <= now - WINDOW))
            query = select(attempts.c.at).where(attempts.c.email == email).order_by(attempts.c.at)
            recent = connection.scalars(query).all()
            if len(recent) >= ATTEMPTS:
                raise TooManyAttempts(retry_after=int((recent[-ATTEMPTS] + WINDOW - now).total_seconds()) + 1)
            connection.execute(insert(attempts).values(attempt_id=new_id(), email=email, at=now))

    def succeed(self, email: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(attempts).where(attempts.c.email == email))

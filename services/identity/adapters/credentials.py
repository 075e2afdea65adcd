"""Passwords."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Engine, delete, insert, select

from services.identity.adapters.tables import attempts, credentials
from shared.database import reading, writing
from shared.ids import NIL


@dataclass(frozen=True)
class Credential:
    credential_id: UUID
    person_id: UUID
    password_hash: str


class Credentials:
    """Password hashes by `credential_id`. Only one that an event in the log names is worth anything, so it is written
    before that event, and a crash in between does no harm.

    Argon2id with OWASP's smallest parameters (19 MiB, 2 passes, 1 lane): some 20 ms of one core, during which a process
    of green threads does nothing else.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobody = Credential(NIL, NIL, self._hasher.hash(secrets.token_hex()))

    def keep(self, credential_id: UUID, person_id: UUID, email: str, password: str) -> None:
        """`email` is its digest. Replaces what an attempt that was cut off left under the same id."""
        row = {"person_id": person_id, "email": email, "password_hash": self._hasher.hash(password)}
        with writing(self._engine) as connection:
            connection.execute(delete(credentials).where(credentials.c.credential_id == credential_id))
            connection.execute(insert(credentials).values(credential_id=credential_id, **row))

    def of(self, email: str) -> list[Credential]:
        """All that were ever kept for this e-mail's digest; nobody's where there are none, so that it takes as long."""
        wanted = (credentials.c.credential_id, credentials.c.person_id, credentials.c.password_hash)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*wanted).where(credentials.c.email == email)).all()
        return [Credential(*row) for row in rows] or [self._nobody]

    def get(self, credential_id: UUID) -> Credential:
        wanted = (credentials.c.credential_id, credentials.c.person_id, credentials.c.password_hash)
        with reading(self._engine) as connection:
            return Credential(
                *connection.execute(select(*wanted).where(credentials.c.credential_id == credential_id)).one()
            )

    def email_of(self, credential_id: UUID) -> str:
        """The e-mail's digest."""
        with reading(self._engine) as connection:
            query = select(credentials.c.email).where(credentials.c.credential_id == credential_id)
            email: str = connection.scalars(query).one()
            return email

    def forget(self, person_id: UUID) -> None:
        """All of this person's, and what was tried with their e-mails."""
        mine = credentials.c.person_id == person_id
        emails = select(credentials.c.email).where(mine).scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(delete(attempts).where(attempts.c.email.in_(emails)))
            connection.execute(delete(credentials).where(mine))

    def fits(self, credential: Credential | None, password: str) -> bool:
        """False for none, after as long a time."""
        try:
            return self._hasher.verify((credential or self._nobody).password_hash, password)
        except VerifyMismatchError:
            return False

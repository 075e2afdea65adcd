"""Each person's key, wrapped by the platform's master key. Destroying a key makes everything it sealed unreadable."""

import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Engine, LargeBinary, MetaData, Table, Uuid, select
from sqlalchemy.dialects import postgresql, sqlite

from shared.database import reading, writing
from shared.messages import SEALED
from shared.refusals import Gone, Invalid

metadata = MetaData()
keys = Table("keys", metadata, Column("person", Uuid, primary_key=True), Column("wrapped", LargeBinary))

NONCE_BYTES = 12
REMEMBERED_SECONDS = 10.0
REMEMBERED = 10_000


class PersonalTextMalformed(Invalid):
    """A text may not begin like a sealed value."""


class PersonErased(Gone):
    """This person's data were erased, and no more is kept."""


class Vault:
    """A `Sealer` (AES-256-GCM, authenticated with the event's id and the field). Keys are made on first use.

    A key is remembered for a few seconds, so an erasure in another process bites after that.
    """

    def __init__(self, engine: Engine, master_key: bytes) -> None:
        self._engine = engine
        self._dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._master = AESGCM(master_key)
        self._remembered: dict[UUID, tuple[float, AESGCM]] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        metadata.create_all(self._engine)

    def prepare(self, persons: Collection[UUID]) -> None:
        """Makes the keys that are missing in one go, before the values of some hundred people are sealed."""
        missing = set(persons) - self._load(persons).keys()
        if missing:
            self._make(missing)

    def seal(self, values: Mapping[str, tuple[UUID, Any]], event_id: UUID) -> dict[str, str]:
        return {field: self._seal(person, event_id, field, value) for field, (person, value) in values.items()}

    def open(self, sealed: str) -> Any:
        """The value; `sealed` itself when its key is gone."""
        _, _, person, event_id, field, body = sealed.split(":", 5)
        key = self._key(UUID(person))
        if key is None:
            return sealed
        raw = urlsafe_b64decode(body)
        return orjson.loads(key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{event_id}:{field}".encode()))

    def reveal(self, value: str | None) -> Any:
        """What a person may be shown: the opened value, or None when it was erased."""
        if value is None or not value.startswith(SEALED):
            return value
        opened = self.open(value)
        return None if opened is value else opened

    def erase(self, person: UUID) -> None:
        """For good: the person gets no new key, so that whatever does not open was erased."""
        with writing(self._engine) as connection:
            gone = self._dialect.insert(keys).values(person=person, wrapped=None)
            connection.execute(gone.on_conflict_do_update(index_elements=["person"], set_={"wrapped": None}))
        with self._lock:
            self._remembered.pop(person, None)

    def _seal(self, person: UUID, event_id: UUID, field: str, value: Any) -> str:
        if isinstance(value, str) and value.startswith(SEALED):
            raise PersonalTextMalformed(field=field)
        nonce = secrets.token_bytes(NONCE_BYTES)
        key = self._key(person) or self._make([person]).get(person)
        if key is None:
            raise PersonErased()
        body = nonce + key.encrypt(nonce, orjson.dumps(value), f"{event_id}:{field}".encode())
        return f"{SEALED}{person}:{event_id}:{field}:{urlsafe_b64encode(body).decode()}"

    def _key(self, person: UUID) -> AESGCM | None:
        with self._lock:
            remembered = self._remembered.get(person)
        if remembered and remembered[0] > time.monotonic():
            return remembered[1]
        return self._load([person]).get(person)

    def _make(self, persons: Collection[UUID]) -> dict[UUID, AESGCM]:
        """Where another writer was faster, its key is the one."""
        made = [{"person": person, "wrapped": self._wrapped_key(person)} for person in sorted(persons)]
        with writing(self._engine) as connection:
            connection.execute(self._dialect.insert(keys).on_conflict_do_nothing(), made)
        return self._load(persons)

    def _wrapped_key(self, person: UUID) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, AESGCM.generate_key(256), person.bytes)

    def _load(self, persons: Collection[UUID]) -> dict[UUID, AESGCM]:
        """Those that there are."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(keys).where(keys.c.person.in_(persons), keys.c.wrapped.is_not(None))).all()
        return {person: self._remember(person, wrapped) for person, wrapped in rows}

    def _remember(self, person: UUID, wrapped: bytes) -> AESGCM:
        try:
            key = AESGCM(self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], person.bytes))
        except InvalidTag:
            raise RuntimeError("the master key does not fit this key store") from None
        with self._lock:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[person] = (time.monotonic() + REMEMBERED_SECONDS, key)
        return key

"""Each person's key, wrapped by a master key. Destroying a person's key makes everything it sealed unreadable."""

import secrets
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    event,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from shared.database import open_database, reading, role_of, scrub, writing
from shared.keys import KeysMissing
from shared.masters import Masters
from shared.messages import SEALED
from shared.refusals import Gone, Invalid, Unavailable

metadata = MetaData()
masters = Table(
    "masters", metadata, Column("master", String(100), primary_key=True), Column("number", Integer, nullable=False)
)
keys = Table(
    "keys",
    metadata,
    Column("person", Uuid, primary_key=True),
    Column("master", ForeignKey(masters.c.master), index=True),
    Column("wrapped", LargeBinary),
)

SCHEMA = "vault"
DESTROYER = "identity"
NONCE_BYTES = 12
REMEMBERED_SECONDS = 2.0
REMEMBERED = 10_000
TRIES = 3


class PersonalTextMalformed(Invalid):
    """A text may not begin like a sealed value."""


class PersonErased(Gone):
    """This person's data were erased, and no more is kept."""


class NotAtHand(LookupError):
    """The key must be read first."""


class MasterKeyAbsent(Unavailable):
    """A person's key is wrapped by a master key that is not in the folder of secrets."""


class Vault:
    """A `Sealer` (AES-256-GCM, authenticated with the event's id and the field). Keys are made on first use.

    Each is wrapped by the newest of the master keys in the table `masters`, and names it: a master key that any key
    names cannot be taken away. A key is remembered for `REMEMBERED_SECONDS`, so an erasure in another process bites
    after that.
    """

    def __init__(self, engine: Engine, ring: Masters) -> None:
        self._engine = engine
        self._dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._ring = ring
        self._remembered: dict[UUID, tuple[float, AESGCM]] = {}
        self._lock = threading.Lock()

    def install(self, owners: Collection[str] = ()) -> None:
        """What is missing, as the schema's own role; `owners` may then read and make keys, not destroy them.

        Raises `KeysMissing` for a key store whose master keys are not here.
        """
        metadata.create_all(self._engine)
        with writing(self._engine) as connection:
            registered = set(connection.scalars(select(masters.c.master)))
            if missing := registered - set(self._ring.ids()):
                raise KeysMissing(f"the key store needs the master keys {sorted(missing)}: restore them")
            if not registered:
                first = {"master": self._ring.ids()[-1], "number": 1}
                connection.execute(self._dialect.insert(masters).on_conflict_do_nothing(), first)
            if self._engine.dialect.name == "postgresql":
                for owner in owners:
                    _grant(connection, role_of(owner))

    def close(self) -> None:
        self._engine.dispose()

    def erased(self) -> set[UUID]:
        """Everybody whose key was destroyed."""
        with reading(self._engine) as connection:
            return set(connection.scalars(select(keys.c.person).where(keys.c.wrapped.is_(None))))

    def prepare(self, persons: Collection[UUID]) -> None:
        """Makes the keys that are missing in one go, before the values of some hundred people are sealed."""
        missing = set(persons) - self._load(persons).keys()
        if missing:
            self._make(missing)

    def seal(self, values: Mapping[str, tuple[UUID, Any]], event_id: UUID) -> dict[str, str]:
        return {field: self._seal(person, event_id, field, value) for field, (person, value) in values.items()}

    def open(self, sealed: str) -> Any:
        """The value; `sealed` itself when its key is gone."""
        return _open(sealed, self._key)

    def fetch(self, persons: Collection[UUID]) -> None:
        if persons:
            self._load(persons)

    def reveal(self, value: str | None) -> Any:
        """What a person may be shown: the opened value, or None when it was erased."""
        return _reveal(value, self._key)

    def reveal_at_hand(self, value: str | None) -> Any:
        """The same, without waiting for the key store. Raises `NotAtHand`."""
        return _reveal(value, self._key_at_hand)

    def erase(self, person: UUID) -> None:
        """For good: the person gets no new key, so that whatever does not open was erased."""
        with writing(self._engine) as connection:
            nothing = {"wrapped": None, "master": None}
            gone = self._dialect.insert(keys).values(person=person, **nothing)
            connection.execute(gone.on_conflict_do_update(index_elements=["person"], set_=nothing))
        with self._lock:
            self._remembered.pop(person, None)
        scrub(self._engine, keys)

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
        try:
            return self._key_at_hand(person)
        except NotAtHand:
            return self._load([person]).get(person)

    def _key_at_hand(self, person: UUID) -> AESGCM:
        with self._lock:
            remembered = self._remembered.get(person)
        if remembered and remembered[0] > time.monotonic():
            return remembered[1]
        raise NotAtHand

    def _make(self, persons: Collection[UUID]) -> dict[UUID, AESGCM]:
        """Where another writer was faster, its key is the one. A master key that is being replaced takes no more."""
        for _ in range(TRIES):
            master, wrapper = self._newest()
            made = [
                {"person": person, "master": master, "wrapped": wrap(wrapper, person, AESGCM.generate_key(256))}
                for person in sorted(persons)
            ]
            try:
                with writing(self._engine) as connection:
                    connection.execute(self._dialect.insert(keys).on_conflict_do_nothing(), made)
            except IntegrityError:
                continue
            return self._load(persons)
        raise MasterKeyAbsent(master=master)

    def _newest(self) -> tuple[str, AESGCM]:
        with reading(self._engine) as connection:
            master = connection.scalars(select(masters.c.master).order_by(masters.c.number.desc())).first()
        wrapper = self._ring.get(master) if master else None
        if master is None or wrapper is None:
            raise MasterKeyAbsent(master=master)
        return master, wrapper

    def _load(self, persons: Collection[UUID]) -> dict[UUID, AESGCM]:
        """Those that there are. Read again when their master key was replaced, and taken away, in between."""
        for _ in range(TRIES):
            with reading(self._engine) as connection:
                rows = connection.execute(select(keys).where(keys.c.person.in_(persons), keys.c.wrapped.is_not(None)))
                found = [(row, self._ring.get(row.master)) for row in rows]
            absent = [row.master for row, wrapper in found if wrapper is None]
            if not absent:
                break
        else:
            raise MasterKeyAbsent(master=absent[0])
        return {row.person: self._remember(row.person, row.wrapped, wrapper) for row, wrapper in found if wrapper}

    def _remember(self, person: UUID, wrapped: bytes, wrapper: AESGCM) -> AESGCM:
        key = AESGCM(unwrap(wrapper, person, wrapped))
        now = time.monotonic()
        with self._lock:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[person] = (now + REMEMBERED_SECONDS, key)
        return key


def open_vault(url: str, owner: str, ring: Masters) -> Vault:
    """The vault as `owner` may use it: the destroyer with the rights of the key store's owner."""
    if make_url(url).get_backend_name() == "sqlite" or owner in (SCHEMA, DESTROYER):
        return Vault(open_keys(url), ring)
    engine = open_database(url, owner)
    return Vault(engine.execution_options(schema_translate_map={None: SCHEMA}), ring)


def open_keys(url: str) -> Engine:
    """The key store itself, with the rights of its owner."""
    engine = open_database(url, SCHEMA)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _hold_to_masters)
    return engine


def wrap(wrapper: AESGCM, person: UUID, key: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + wrapper.encrypt(nonce, key, person.bytes)


def unwrap(wrapper: AESGCM, person: UUID, wrapped: bytes) -> bytes:
    try:
        return wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], person.bytes)
    except InvalidTag:
        raise RuntimeError("the master key does not fit this key store") from None


_person = lru_cache(REMEMBERED)(UUID)  # an answer has several values of the same two


def _open(sealed: str, key_of: Callable[[UUID], AESGCM | None]) -> Any:
    _, _, person, event_id, field, body = sealed.split(":", 5)
    key = key_of(_person(person))
    if key is None:
        return sealed
    raw = urlsafe_b64decode(body)
    return orjson.loads(key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{event_id}:{field}".encode()))


def _reveal(value: str | None, key_of: Callable[[UUID], AESGCM | None]) -> Any:
    if value is None or not value.startswith(SEALED):
        return value
    opened = _open(value, key_of)
    return None if opened is value else opened


def _grant(connection: Connection, role: str) -> None:
    for rights in ("USAGE ON SCHEMA vault", "SELECT, INSERT ON vault.keys", "SELECT ON vault.masters"):
        connection.execute(text(f"GRANT {rights} TO {role}"))


def _hold_to_masters(connection: Any, _: object) -> None:
    """A key names a master key that there is."""
    connection.execute("PRAGMA foreign_keys=ON")

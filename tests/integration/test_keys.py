"""The key store on both databases: rotating its master key under writers, and who may destroy what."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, Row, create_engine, make_url, text

from shared import rotation
from shared.database import install_owner
from shared.keys import KeysMissing
from shared.masters import Masters
from shared.rotation import rotate, status
from shared.vault import PersonErased, Vault, masters, open_keys, open_vault

ADA = uuid4()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    made: str = request.getfixturevalue("fresh_database")()
    for owner in ("vault", "views", "identity"):
        install_owner(made, owner)
    return made


@pytest.fixture
def ring(tmp_path: Path) -> Masters:
    ring = Masters(tmp_path / "secrets")
    (tmp_path / "secrets").mkdir()
    ring.make_first()
    return ring


@pytest.fixture
def store(url: str, ring: Masters) -> Iterator[Engine]:
    engine = open_keys(url)
    Vault(engine, ring).install(["views", "identity"])
    yield engine
    engine.dispose()


Opened = Callable[..., Vault]


@pytest.fixture
def opened(url: str, store: Engine, ring: Masters) -> Iterator[Opened]:
    """The vault as another owner has it, each with an idea of its own of the folder of secrets."""
    with ExitStack() as stack:

        def open_as(owner: str = "views") -> Vault:
            vault = open_vault(url, owner, Masters(ring._folder))
            stack.callback(vault.close)
            return vault

        yield open_as


def seal(vault: Vault, person: UUID, words: str = "hello") -> str:
    return vault.seal({"words": (person, words)}, uuid4())["words"]


def test_after_a_rotation_everything_opens_and_the_old_master_key_is_gone(
    opened: Opened, store: Engine, ring: Masters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "AT_ONCE", 7)
    vault, [old] = opened(), ring.ids()
    sealed = {person: seal(vault, person) for person in (uuid4() for _ in range(20))}
    erased, *others = sealed
    Vault(store, ring).erase(erased)
    assert list(rotate(store, ring)) == [7, 7, 5]
    [new] = ring.ids()
    assert new != old
    assert status(store) == rotation.Status({new: 19}, erased=1)
    for reader in (vault, opened()):
        reader._remembered.clear()
        assert [reader.reveal(sealed[person]) for person in others] == ["hello"] * 19
        assert reader.reveal(sealed[erased]) is None
    assert seal(vault, uuid4())
    assert status(store).wrapped == {new: 20}


STEPS = ["add", "_rewrap", "_retire", "remove"]


@pytest.mark.parametrize("step", STEPS)
def test_a_rotation_that_is_cut_off_goes_on_when_repeated(
    store: Engine, ring: Masters, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    vault = Vault(store, ring)
    sealed = [seal(vault, uuid4()) for _ in range(5)]
    room = rotation if step.startswith("_") else Masters
    with monkeypatch.context() as patch:
        whole = getattr(room, step)

        def crash(*arguments: object) -> None:
            if step in ("add", "_rewrap"):
                whole(*arguments)
            raise KeyboardInterrupt

        patch.setattr(room, step, crash)
        with pytest.raises(KeyboardInterrupt):
            list(rotate(store, ring))
    assert [vault.open(one) for one in sealed] == ["hello"] * 5
    sealed.append(seal(vault, uuid4()))
    list(rotate(store, ring))
    assert len(ring.ids()) == 1
    assert list(status(store).wrapped.values()) == [6]
    fresh = Vault(store, ring)
    assert [fresh.open(one) for one in sealed] == ["hello"] * 6


def test_keys_are_made_and_read_while_master_keys_come_and_go(opened: Opened, store: Engine, ring: Masters) -> None:
    sealed: list[str] = []
    over = threading.Event()

    def work() -> None:
        vault = opened()
        while not over.is_set():
            sealed.append(seal(vault, uuid4()))
            vault._remembered.clear()
            assert vault.open(sealed[len(sealed) // 2]) == "hello"

    with ThreadPoolExecutor(3) as threads:
        working = [threads.submit(work) for _ in range(3)]
        for _ in range(5):
            before = len(sealed)
            list(rotate(store, ring))
            while len(sealed) < before + 10 and not any(one.done() for one in working):
                over.wait(0.01)
        over.set()
    for one in working:
        one.result()
    list(rotate(store, ring))
    assert status(store).wrapped == {ring.ids()[0]: len(sealed)}
    reader = Vault(store, ring)
    assert {reader.open(one) for one in sealed} == {"hello"}


def test_a_writer_that_looked_before_the_rotation_cannot_use_the_old_master_key(store: Engine, ring: Masters) -> None:
    vault, stale = Vault(store, ring), Vault(store, ring)
    old, wrapper = stale._newest()
    list(rotate(store, ring))
    looked = iter([(old, wrapper)])
    stale._newest = lambda: next(looked, None) or vault._newest()  # type: ignore[method-assign]
    sealed = seal(stale, ADA)
    assert vault.open(sealed) == "hello"
    assert status(store).wrapped == {ring.ids()[0]: 1}


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_an_erasure_in_the_middle_of_a_rotation_stays(
    store: Engine, ring: Masters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rotation has read the key, and only then it is destroyed."""
    vault = Vault(store, ring)
    sealed = seal(vault, ADA)
    anew = rotation._anew

    def late(ring: Masters, row: Row[Any], newest: str) -> bytes:
        Vault(store, ring).erase(ADA)
        return anew(ring, row, newest)

    monkeypatch.setattr(rotation, "_anew", late)
    list(rotate(store, ring))
    vault._remembered.clear()
    assert vault.reveal(sealed) is None
    assert status(store).erased == 1


def test_a_rotation_without_the_master_key_that_is_in_use_changes_nothing(
    store: Engine, ring: Masters, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Masters(tmp_path / "elsewhere")
    elsewhere.make_first()
    elsewhere.remove("master")
    other = elsewhere.add()
    with pytest.raises(KeysMissing):
        list(rotate(store, elsewhere))
    assert elsewhere.ids() == [other]
    assert list(status(store).wrapped) == ring.ids()


FORBIDDEN = [
    "UPDATE vault.keys SET wrapped = NULL",
    "UPDATE vault.keys SET master = 'mine'",
    "DELETE FROM vault.keys",
    "TRUNCATE vault.keys",
    "DROP TABLE vault.keys",
    "INSERT INTO vault.keys TABLE vault.keys ON CONFLICT (person) DO UPDATE SET wrapped = NULL",
    "SELECT * FROM vault.keys FOR UPDATE",
    "INSERT INTO vault.masters VALUES ('mine', 99)",
    "UPDATE vault.masters SET number = 0",
    "DELETE FROM vault.masters",
    "SET ROLE mentoring_vault",
]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_who_only_uses_keys_cannot_destroy_them(url: str, opened: Opened, statement: str) -> None:
    sealed = seal(opened(), ADA)
    libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION mentoring_views")
        assert connection.execute("SELECT person FROM vault.keys").fetchall() == [(ADA,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    assert opened("identity").open(sealed) == "hello"


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_identity_alone_destroys_a_key(opened: Opened) -> None:
    views, identity = opened("views"), opened("identity")
    sealed = seal(views, ADA)
    assert identity.open(sealed) == "hello"
    with pytest.raises(Exception, match="permission denied"):
        views.erase(ADA)
    identity.erase(ADA)
    assert identity.reveal(sealed) is None
    with pytest.raises(PersonErased):
        seal(identity, ADA)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_stranger_may_not_even_see_the_keys(url: str, store: Engine) -> None:
    install_owner(url, "strangers")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE mentoring_strangers"))
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text("SELECT * FROM vault.keys"))
    engine.dispose()


def test_a_master_key_that_a_key_names_cannot_be_taken_away(store: Engine, ring: Masters) -> None:
    seal(Vault(store, ring), ADA)
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.begin() as connection:
        connection.execute(masters.delete())

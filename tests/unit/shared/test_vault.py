import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Engine, func, select

from shared.keys import KeysMissing
from shared.masters import Masters
from shared.messages import sealed_for
from shared.vault import MasterKeyAbsent, NotAtHand, PersonalTextMalformed, PersonErased, Vault, keys, open_keys

ADA, GRACE = uuid4(), uuid4()
EVENT = uuid4()


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return open_keys(f"sqlite:///{tmp_path}")


@pytest.fixture
def ring(tmp_path: Path) -> Masters:
    ring = Masters(tmp_path)
    ring.make_first()
    return ring


@pytest.fixture
def vault(database: Engine, ring: Masters) -> Vault:
    vault = Vault(database, ring)
    vault.install()
    return vault


def seal(vault: Vault, value: Any, person: UUID = ADA, event: UUID = EVENT, field: str = "words") -> str:
    return vault.seal({field: (person, value)}, event)[field]


def count(database: Engine) -> int:
    with database.connect() as connection:
        return connection.execute(select(func.count()).select_from(keys)).scalar_one()


@pytest.mark.parametrize("value", ["hello", "", "grüß dich", ["js", "css"], [], 7, {"a": [1, None]}])
def test_what_is_sealed_can_be_opened_and_not_read(vault: Vault, value: Any) -> None:
    sealed = seal(vault, value)
    assert "hello" not in sealed
    assert vault.open(sealed) == value
    assert seal(vault, value) != sealed


def test_a_value_opens_at_hand_once_its_key_was_read_and_never_after_the_erasure(
    vault: Vault, database: Engine, ring: Masters
) -> None:
    sealed = seal(vault, "hello")
    reader = Vault(database, ring)
    with pytest.raises(NotAtHand):
        reader.reveal_at_hand(sealed)
    assert reader.reveal(sealed) == "hello"
    assert reader.reveal_at_hand(sealed) == "hello"
    reader.erase(ADA)
    with pytest.raises(NotAtHand):
        reader.reveal_at_hand(sealed)
    assert reader.reveal(sealed) is None


def test_each_field_is_sealed_for_its_own_person(vault: Vault) -> None:
    values: Mapping[str, tuple[UUID, Any]] = {"words": (ADA, "hello"), "name": (GRACE, "Grace")}
    sealed = vault.seal(values, EVENT)
    vault.erase(ADA)
    assert vault.open(sealed["words"]) == sealed["words"]
    assert vault.open(sealed["name"]) == "Grace"


def test_another_process_opens_it_with_the_same_master_key(vault: Vault, database: Engine, ring: Masters) -> None:
    assert Vault(database, ring).open(seal(vault, "hello")) == "hello"


@pytest.mark.parametrize(("part", "other"), [(3, str(uuid4())), (4, "name")], ids=["event", "field"])
def test_a_value_that_was_moved_to_another_event_or_field_is_not_opened(vault: Vault, part: int, other: str) -> None:
    parts = seal(vault, "hello").split(":")
    parts[part] = other
    with pytest.raises(InvalidTag):
        vault.open(":".join(parts))


def test_a_value_that_was_given_to_another_person_is_not_opened(vault: Vault) -> None:
    seal(vault, "mine", GRACE)
    with pytest.raises(InvalidTag):
        vault.open(seal(vault, "hello").replace(str(ADA), str(GRACE)))


def test_what_was_erased_stays_sealed(vault: Vault, database: Engine, ring: Masters) -> None:
    sealed = seal(vault, "hello")
    vault.erase(ADA)
    vault.erase(ADA)
    for reader in (vault, Vault(database, ring)):
        assert reader.open(sealed) == sealed
        assert reader.reveal(sealed) is None


def test_nothing_more_is_sealed_for_who_was_erased(vault: Vault, database: Engine) -> None:
    before = seal(vault, "hello")
    vault.erase(ADA)
    vault.erase(GRACE)
    vault.prepare([ADA, GRACE])
    for person in (ADA, GRACE):
        with pytest.raises(PersonErased):
            seal(vault, "again", person)
    assert vault.open(before) == before


def test_what_was_never_sealed_is_shown_as_it_is(vault: Vault) -> None:
    assert vault.reveal("hello") == "hello"
    assert vault.reveal(None) is None


def test_nobody_can_write_what_looks_sealed(vault: Vault) -> None:
    with pytest.raises(PersonalTextMalformed):
        seal(vault, "sealed:1:mine")


def test_a_wrong_master_key_is_a_clear_error(vault: Vault, database: Engine, tmp_path: Path) -> None:
    sealed = seal(vault, "hello")
    (tmp_path / "master.key").write_bytes(secrets.token_bytes(32))
    with pytest.raises(RuntimeError, match="master key does not fit"):
        Vault(database, Masters(tmp_path)).open(sealed)


def test_a_key_store_without_its_master_key_does_not_start(vault: Vault, database: Engine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Masters(tmp_path / "other")
    with pytest.raises(KeysMissing, match="master"):
        Vault(database, other).install()
    sealed = seal(vault, "hello")
    with pytest.raises(MasterKeyAbsent):
        Vault(database, other).open(sealed)


def test_keys_for_many_people_are_made_in_one_go_and_once(vault: Vault, database: Engine, ring: Masters) -> None:
    people = [uuid4() for _ in range(200)]
    before = seal(vault, "hello", people[0])
    vault.prepare(people)
    vault.prepare([*people, *people])
    assert count(database) == 200
    assert Vault(database, ring).open(before) == "hello"
    vault.prepare([])


def test_two_who_use_a_key_first_at_the_same_time_use_the_same_one(
    vault: Vault, database: Engine, ring: Masters
) -> None:
    vaults = [Vault(database, ring) for _ in range(8)]
    start = threading.Barrier(len(vaults))

    def first_use(one: Vault) -> str:
        start.wait()
        return seal(one, "hello")

    with ThreadPoolExecutor(len(vaults)) as threads:
        sealed = list(threads.map(first_use, vaults))
    assert count(database) == 1
    assert [vault.open(value) for value in sealed] == ["hello"] * len(vaults)


def test_a_writer_that_comes_second_uses_the_key_of_the_first(vault: Vault, database: Engine, ring: Masters) -> None:
    """The second looked before the first had made it."""
    second = Vault(database, ring)
    made = vault._make([ADA])[ADA]
    assert second._make([ADA])[ADA].decrypt(b"0" * 12, made.encrypt(b"0" * 12, b"hello", None), None) == b"hello"


def test_another_process_forgets_a_key_within_two_seconds(
    vault: Vault, database: Engine, ring: Masters, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, now = Vault(database, ring), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sealed = seal(vault, "hello")
    assert other.open(sealed) == "hello"
    vault.erase(ADA)
    assert (vault.reveal(sealed), other.reveal(sealed)) == (None, "hello")
    monkeypatch.setattr(time, "monotonic", lambda: now + 2.01)
    assert other.reveal(sealed) is None


def test_keys_are_fetched_together_before_they_are_needed(vault: Vault) -> None:
    persons = [uuid4() for _ in range(3)]
    sealed = [seal(vault, "hello", person) for person in persons]
    assert sealed_for(" ".join(sealed)) == set(persons)
    vault._remembered.clear()
    vault.fetch(persons)
    assert vault._remembered.keys() == set(persons)

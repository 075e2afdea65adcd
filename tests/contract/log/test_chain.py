"""The hash chain: the same on every storage, and broken by any change."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from shared.log import EventLog, Recorded
from shared.log.hashing import Broken, Intact, event_hash, fields_of, verify
from tests.contract.log.saying import recorded, say
from tests.contract.log.stores import Store, administrator, on_disk, only_postgres, ungrouped

SAMPLE = Recorded(
    position=7,
    event_id=UUID(int=1),
    stream="kitchen-ö",
    version=3,
    type="rooms.said",
    schema_version=2,
    subject=None,
    program=UUID(int=2),
    actor="ada",
    command_id=UUID(int=3),
    correlation_id=UUID(int=4),
    causation_id=UUID(int=5),
    occurred_at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    recorded_at=datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC),
    data='{"text": "tea 🍵"}',
    hash=bytes.fromhex("d62c592497cf65de9a86d6e25b14fdcf7ea7087a33582646ca4f3bbf20d2989e"),
)
PREVIOUS = bytes(range(32))


def test_the_hash_of_an_event_never_changes() -> None:
    assert event_hash(PREVIOUS, fields_of(SAMPLE)) == SAMPLE.hash


@pytest.mark.parametrize("other", [{"subject": UUID(int=0)}, {"actor": ""}, {"position": 8}, {"data": "{}"}])
def test_every_field_counts(other: dict[str, object]) -> None:
    assert event_hash(PREVIOUS, fields_of(SAMPLE._replace(**other))) != SAMPLE.hash  # type: ignore[arg-type]


@only_postgres
@ungrouped
def test_postgres_computes_the_same_hash(store: Store) -> None:
    with administrator(store.url) as connection:
        (computed,) = connection.execute(
            f"SELECT log.event_hash(%s, {', '.join(['%s'] * 15)})", (PREVIOUS, *fields_of(SAMPLE))
        ).fetchone() or (None,)
    assert computed == SAMPLE.hash


def test_an_untouched_log_is_intact(log: EventLog) -> None:
    assert verify(log) == Intact(log.head())
    for number in range(0, 30, 3):
        recorded(log, say("kitchen", "ä", "😀", "c", after=number, subject=uuid4()))
    assert verify(log) == Intact(log.head())
    assert verify(log, after=7, until=19) == Intact(replace(log.head(), position=19, hash=log.read(18)[0].hash))


def test_one_changed_byte_is_found_at_its_position(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", *"abcdefgh"))
    store.falsify(5, '{"text": "E"}')
    assert verify(log) == Broken(5, "changed")
    assert verify(log, until=4) == Intact(replace(log.head(), position=4, hash=log.read(3)[0].hash))
    assert verify(log, after=5) == Intact(log.head())


@pytest.mark.parametrize("position", [1, 4])
def test_a_lost_event_is_found_at_its_position(store: Store, position: int) -> None:
    log = store.open()
    recorded(log, say("kitchen", *"abcdefgh"))
    store.lose(position)
    assert verify(log) == Broken(position, "missing")


@on_disk
def test_an_event_cut_off_the_end_is_missed(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", *"abc"))
    store.lose(3)
    assert verify(log) == Broken(3, "missing")


def test_storages_chain_the_same_events_to_the_same_hash(store: Store) -> None:
    """Each storage stamps its own `recorded_at`; with that, the chain follows from what was appended."""
    log = store.open()
    append = say("kitchen", *"abc", subject=uuid4())
    recorded(log, append)
    previous = bytes(32)
    for position, (entry, event) in enumerate(zip(append.entries, log.read(0), strict=True), 1):
        previous = event_hash(
            previous,
            (
                position,
                entry.event_id,
                "kitchen",
                position,
                entry.type,
                entry.schema_version,
                entry.subject,
                append.program,
                append.actor,
                append.command_id,
                append.correlation_id,
                None,
                entry.occurred_at,
                event.recorded_at,
                entry.data,
            ),
        )
        assert event.hash == previous

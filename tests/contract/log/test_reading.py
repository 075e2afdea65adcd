"""What the log gives back."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from shared.log import EventLog, Head, Recorded, Share, waking
from tests.contract.log.saying import NOON, recorded, say, texts
from tests.contract.log.stores import Store, administrator, only_postgres, ungrouped


def test_an_event_is_found_by_its_id(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", "b"))
    assert [log.find(event.event_id) for event in log.read(0)] == log.read(0)
    assert log.find(uuid4()) is None


def test_an_event_comes_back_as_it_went_in(log: EventLog) -> None:
    append = replace(say("kitchen", "a", subject=uuid4()), causation_id=uuid4())
    (entry,) = append.entries
    before = datetime.now(UTC)
    recorded(log, append)
    (event,) = log.read(0)
    assert event == Recorded(
        position=1,
        event_id=entry.event_id,
        stream="kitchen",
        version=1,
        type="rooms.said",
        schema_version=1,
        subject=entry.subject,
        program=append.program,
        actor=append.actor,
        command_id=append.command_id,
        correlation_id=append.correlation_id,
        causation_id=append.causation_id,
        occurred_at=NOON,
        recorded_at=event.recorded_at,
        data=entry.data,
        hash=event.hash,
    )
    assert before - timedelta(seconds=1) < event.recorded_at < datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.parametrize(
    "data",
    [
        '{"b":1,"a":2,"a":3}',
        '{ "spaces" :  1.10 }',
        '{"text":"\\u0000\\ud83d\\ude00 \\"quoted\\" \\\\ 😀 ö"}',
        '"\u2028"',
        "null",
    ],
)
def test_data_is_kept_to_the_letter(log: EventLog, data: str) -> None:
    append = say("kitchen", "a")
    recorded(log, replace(append, entries=(replace(append.entries[0], data=data),)))
    assert log.read(0)[0].data == data


def test_a_moment_comes_back_in_utc_to_the_microsecond(log: EventLog) -> None:
    moments = [
        datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    append = say("kitchen", "a", "b")
    entries = [replace(entry, occurred_at=moment) for entry, moment in zip(append.entries, moments, strict=True)]
    recorded(log, replace(append, entries=tuple(entries)))
    kept = [event.occurred_at for event in log.read(0)]
    assert kept == moments
    assert [moment.utcoffset() for moment in kept] == [timedelta(0)] * 2


def test_reading_goes_on_from_any_position(log: EventLog) -> None:
    recorded(log, say("kitchen", *"abcde"))
    assert texts(log, 2) == ["c", "d", "e"]
    assert [event.position for event in log.read(1, limit=2)] == [2, 3]
    assert log.read(5) == []
    assert log.read(99) == []


def test_the_types_that_are_wanted_are_read_from_the_same_positions(log: EventLog) -> None:
    append = say("kitchen", *"abcd")
    entries = [replace(entry, type=kind) for entry, kind in zip(append.entries, ("x", "y", "z", "x"), strict=True)]
    recorded(log, replace(append, entries=tuple(entries)))
    assert [event.position for event in log.read(0, types=["x", "z"])] == [1, 3, 4]
    assert [event.position for event in log.read(1, 2, ["x", "z"])] == [3]
    assert log.read(0, types=[]) == []


def test_each_subject_is_in_one_share_of_the_log(log: EventLog) -> None:
    subjects = [UUID(int=number) for number in range(12)]
    for subject in (None, *subjects, *subjects):
        recorded(log, say(str(uuid4()), "a", subject=subject))
    shares = [log.read(0, share=Share(number, 5)) for number in range(5)]
    assert sorted(one.position for share in shares for one in share) == list(range(1, 26))
    assert [sorted({one.subject.int for one in share if one.subject}) for share in shares] == [
        [number for number in range(12) if number % 5 == left] for left in range(5)
    ]
    assert shares[0][0].subject is None
    kind = shares[0][0].type
    assert [one.position for one in log.read(1, 2, [kind], Share(1, 5))] == [3]


def test_streams_are_read_whole_and_in_order(log: EventLog) -> None:
    recorded(log, say("kitchen", "a"))
    recorded(log, say("garden", "b"))
    recorded(log, say("kitchen", "c", after=1))
    streams = log.streams(["kitchen", "attic", "garden"])
    assert {name: [event.position for event in events] for name, events in streams.items()} == {
        "kitchen": [1, 3],
        "attic": [],
        "garden": [2],
    }
    assert log.streams([]) == {}


def test_a_subject_is_read_across_streams(log: EventLog) -> None:
    ada, grace = uuid4(), uuid4()
    recorded(log, say("kitchen", "a", subject=ada))
    recorded(log, say("garden", "b", subject=grace))
    recorded(log, say("attic", "c"))
    recorded(log, say("cellar", "d", subject=ada))
    assert [event.position for event in log.of_subject(ada)] == [1, 4]
    assert log.of_subject(uuid4()) == []


def test_a_subject_is_read_as_it_was_at_a_time(log: EventLog) -> None:
    ada = uuid4()
    recorded(log, say("kitchen", "a", subject=ada))
    time.sleep(0.002)
    recorded(log, say("kitchen", "b", after=1, subject=ada))
    first, second = log.of_subject(ada)
    assert first.recorded_at < second.recorded_at
    assert log.of_subject(ada, until=first.recorded_at) == [first]
    assert log.of_subject(ada, until=first.recorded_at - timedelta(microseconds=1)) == []
    assert log.of_subject(ada, until=second.recorded_at) == [first, second]


def test_recorded_at_never_goes_back(log: EventLog) -> None:
    for number in range(20):
        recorded(log, say("kitchen", "a", after=number))
    moments = [event.recorded_at for event in log.read(0)]
    assert moments == sorted(moments)


def test_the_head_is_the_last_event(log: EventLog) -> None:
    assert log.head() == Head(0, bytes(32))
    recorded(log, say("kitchen", "a", "b"))
    last = log.read(1)[0]
    assert log.head() == Head(2, last.hash)


def test_everything_is_there_for_whoever_opens_the_log_later(store: Store) -> None:
    recorded(store.open(), say("kitchen", "a"))
    assert texts(store.open()) == ["a"]


def test_waiting_for_what_is_there_already_ends_at_once(log: EventLog) -> None:
    recorded(log, say("kitchen", "a"))
    assert log.wait(0, timeout=0)
    assert log.wait(0, timeout=30)


def test_waiting_for_what_does_not_come_ends_in_time(log: EventLog) -> None:
    recorded(log, say("kitchen", "a"))
    started = time.monotonic()
    assert not log.wait(1, timeout=0)
    assert not log.wait(1, timeout=0.2)
    assert 0.2 <= time.monotonic() - started < 2


def test_an_append_wakes_those_who_wait_here_and_elsewhere(store: Store) -> None:
    writer, elsewhere = store.open(), store.open()
    woken: dict[str, bool] = {}
    waiters = [
        threading.Thread(target=lambda name, log: woken.update({name: log.wait(0, timeout=20)}), args=args)
        for args in (("here", writer), ("elsewhere", elsewhere))
    ]
    for waiter in waiters:
        waiter.start()
    started = time.monotonic()
    recorded(writer, say("kitchen", "a"))
    for waiter in waiters:
        waiter.join()
    assert woken == {"here": True, "elsewhere": True}
    assert time.monotonic() - started < 5


@only_postgres
@ungrouped
def test_a_notification_wakes_without_looking(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "POLL", 8)
    writer, elsewhere = store.open(), store.open()
    for number in range(3):
        waiting = threading.Thread(target=elsewhere.wait, args=(number, 20))
        waiting.start()
        started = time.monotonic()
        recorded(writer, say("kitchen", "a", after=number))
        waiting.join()
    assert time.monotonic() - started < 4
    monkeypatch.setattr(waking, "POLL", 0.1)


@only_postgres
@ungrouped
def test_looking_wakes_when_no_notification_comes(store: Store) -> None:
    log = store.open()
    recorded(log, say("kitchen", "a"))
    waiting = threading.Thread(target=log.wait, args=(1, 20))
    waiting.start()
    started = time.monotonic()
    with administrator(store.url) as connection:
        connection.execute("UPDATE log.head SET position = 2")
    waiting.join()
    assert time.monotonic() - started < 5

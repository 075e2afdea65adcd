"""What becomes of an append."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.log import (
    Appended,
    ClaimTaken,
    EventLog,
    Head,
    IdReused,
    Receipt,
    Release,
    Take,
    VersionConflict,
)
from tests.contract.log.saying import one, recorded, say, texts


def test_positions_are_dense_across_streams_and_versions_within_one(log: EventLog) -> None:
    assert recorded(log, say("kitchen", "a", "b")) == Appended(1, 2, version=2)
    assert recorded(log, say("garden", "c")) == Appended(3, 3, version=1)
    assert recorded(log, say("kitchen", "d", after=2)) == Appended(4, 4, version=3)
    assert [(event.position, event.stream, event.version) for event in log.read(0)] == [
        (1, "kitchen", 1),
        (2, "kitchen", 2),
        (3, "garden", 1),
        (4, "kitchen", 3),
    ]


@pytest.mark.parametrize("after", [0, 2])
def test_a_decision_made_on_another_version_is_a_conflict_and_leaves_nothing(log: EventLog, after: int) -> None:
    recorded(log, say("kitchen", "a"))
    late = say("kitchen", "b", after=after)
    assert one(log, late) == VersionConflict(actual=1)
    assert texts(log) == ["a"]
    assert log.receipts([late.command_id]) == {}


def test_a_refused_command_is_judged_again_when_it_is_repeated(log: EventLog) -> None:
    second = say("kitchen", "b", after=1)
    assert one(log, second) == VersionConflict(actual=0)
    recorded(log, say("kitchen", "a"))
    assert one(log, second) == Appended(2, 2, version=2)


def test_the_same_command_again_gets_the_first_answer(log: EventLog) -> None:
    command = say("kitchen", "a", "b")
    first = recorded(log, command)
    recorded(log, say("kitchen", "c", after=2))
    assert one(log, command) == Appended(first.first, first.last, first.version, repeated=True)
    assert texts(log) == ["a", "b", "c"]


def test_another_command_under_the_same_id_is_refused(log: EventLog) -> None:
    command = uuid4()
    recorded(log, say("kitchen", "a", command=command))
    assert one(log, say("kitchen", "b", after=1, command=command, digest=b"another")) == IdReused()
    assert texts(log) == ["a"]


def test_receipts_tell_what_commands_did(log: EventLog) -> None:
    command, unknown = say("kitchen", "a", "b"), uuid4()
    recorded(log, command)
    assert log.receipts([command.command_id, unknown]) == {
        command.command_id: Receipt("kitchen", b"digest", first=1, last=2, version=2)
    }
    assert log.receipts([]) == {}


def test_an_append_without_entries_records_its_receipt_and_claims(log: EventLog) -> None:
    recorded(log, say("garden", "x"))
    silent = say("kitchen", claims=[Take("key", "ada")])
    assert one(log, silent) == Appended(1, 1, version=0)
    assert one(log, silent) == Appended(1, 1, version=0, repeated=True)
    assert one(log, say("kitchen", "a", claims=[Take("key", "grace")])) == ClaimTaken("key")
    assert log.head().position == 1


def test_an_append_without_entries_to_an_empty_log(log: EventLog) -> None:
    assert one(log, say("kitchen")) == Appended(0, 0, version=0)
    assert log.head() == Head(0, bytes(32))


def test_a_key_has_one_holder(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("key", "ada")]))
    assert one(log, say("garden", "b", claims=[Take("key", "grace")])) == ClaimTaken("key")
    recorded(log, say("garden", "c", claims=[Take("another key", "grace")]))
    assert texts(log) == ["a", "c"]


def test_taking_what_one_holds_changes_nothing(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("key", "ada")]))
    recorded(log, say("garden", "b", claims=[Take("key", "ada")]))
    recorded(log, say("attic", "c", claims=[Release("key", "ada")]))
    recorded(log, say("cellar", "d", claims=[Take("key", "grace")]))


def test_a_released_key_can_be_taken_again_even_in_the_same_append(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("key", "ada")]))
    recorded(log, say("garden", "b", claims=[Release("key", "ada"), Take("key", "grace")]))
    assert one(log, say("attic", "c", claims=[Take("key", "ada")])) == ClaimTaken("key")


def test_releasing_what_somebody_else_holds_changes_nothing(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("key", "ada")]))
    recorded(log, say("garden", "b", claims=[Release("key", "grace"), Release("no such key", "grace")]))
    assert one(log, say("attic", "c", claims=[Take("key", "grace")])) == ClaimTaken("key")


def test_a_key_has_as_many_holders_as_its_limit(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("slots", "ada", limit=2)]))
    recorded(log, say("garden", "b", claims=[Take("slots", "grace", limit=2)]))
    assert one(log, say("attic", "c", claims=[Take("slots", "mary", limit=2)])) == ClaimTaken("slots")
    recorded(log, say("attic", "c", claims=[Take("slots", "mary", limit=3)]))
    assert one(log, say("cellar", "d", claims=[Take("slots", "ada", limit=2)])) == ClaimTaken("slots")


def test_a_refused_append_takes_and_releases_none_of_its_keys(log: EventLog) -> None:
    recorded(log, say("kitchen", "a", claims=[Take("taken", "ada"), Take("held", "grace")]))
    grasping = say("garden", "b", claims=[Take("free", "grace"), Release("held", "grace"), Take("taken", "grace")])
    assert one(log, grasping) == ClaimTaken("taken")
    assert one(log, say("garden", "b", claims=[Take("held", "mary")])) == ClaimTaken("held")
    recorded(log, say("garden", "b", claims=[Take("free", "mary")]))


def test_a_conflict_takes_no_keys(log: EventLog) -> None:
    assert one(log, say("kitchen", "a", after=7, claims=[Take("key", "ada")])) == VersionConflict(0)
    recorded(log, say("kitchen", "a", claims=[Take("key", "grace")]))


def test_each_append_of_a_batch_is_judged_on_its_own_and_sees_those_before_it(log: EventLog) -> None:
    opening = say("kitchen", "a", claims=[Take("key", "ada")])
    outcomes = log.append(
        [
            opening,
            say("kitchen", "stale"),
            say("kitchen", "b", "c", after=1),
            opening,
            say("garden", "d", claims=[Take("key", "grace")]),
            say("attic", claims=[Release("key", "ada")]),
            say("garden", "e", claims=[Take("key", "grace")]),
            say("cellar", "f", command=opening.command_id, digest=b"another"),
            say("cellar", "g"),
        ]
    )
    assert outcomes == [
        Appended(1, 1, version=1),
        VersionConflict(1),
        Appended(2, 3, version=3),
        Appended(1, 1, version=1, repeated=True),
        ClaimTaken("key"),
        Appended(3, 3, version=0),
        Appended(4, 4, version=1),
        IdReused(),
        Appended(5, 5, version=1),
    ]
    assert texts(log) == ["a", "b", "c", "e", "g"]


def test_an_empty_batch_does_nothing(log: EventLog) -> None:
    assert log.append([]) == []
    assert log.head().position == 0


def test_a_batch_that_breaks_leaves_nothing(log: EventLog) -> None:
    first = say("kitchen", "a")
    with pytest.raises(Exception, match=r"(?i)event"):
        log.append([first, replace(say("garden"), entries=first.entries)])
    assert log.read(0) == []
    assert log.receipts([first.command_id]) == {}
    recorded(log, first)

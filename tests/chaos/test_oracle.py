"""The oracle holds its tongue over a sound log, and names each thing that may be wrong with one."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.matching.events import MentorRequested, RequestAccepted, RequestWithdrawn
from shared import clock
from shared.ids import derived_id, new_id
from shared.log import Append, Entry, Head, Recorded, open_log
from shared.log.hashing import GENESIS, event_hash, fields_of
from shared.messages import Event
from tests.chaos.asking import Asked, Outcome
from tests.chaos.oracle import Evidence, findings

PROGRAM, MENTOR, ADA, BOB = (new_id() for _ in range(4))
FIRST, SECOND = (new_id() for _ in range(2))


@pytest.fixture
def sound() -> Evidence:
    """Ada asks and is accepted; Bob asks too, and thinks better of it. Both hear everything, one of it twice."""
    log = open_log("memory:")
    wishes = [
        (FIRST, 0, ADA, _requested(FIRST, ADA)),
        (SECOND, 0, BOB, _requested(SECOND, BOB)),
        (FIRST, 1, MENTOR, RequestAccepted(relationship_id=FIRST, mentor_id=MENTOR, mentee_id=ADA)),
        (SECOND, 1, BOB, RequestWithdrawn(relationship_id=SECOND)),
    ]
    appends = [_append(stream, version, person, event) for stream, version, person, event in wishes]
    log.append(appends)
    events = log.read(0)
    asked = [Asked("wish", UUID(append.actor), append.command_id, Outcome.ACKNOWLEDGED, 1, 0.1) for append in appends]
    pair = f"pair:{PROGRAM}:{MENTOR}:{ADA}"
    return Evidence(
        log=events,
        head=log.head(),
        asked=asked,
        heard={"Ada": events, "Bob": [*events[:2], *events]},
        claims=frozenset({(pair, str(FIRST)), (f"capacity:{PROGRAM}:{MENTOR}", str(FIRST))}),
        capacities={MENTOR: 1},
    )


def _requested(relationship: UUID, mentee: UUID) -> MentorRequested:
    return MentorRequested(
        relationship_id=relationship,
        program_id=PROGRAM,
        mentor_id=MENTOR,
        mentee_id=mentee,
        message="sealed",
        expires_at=clock.now(),
    )


def _append(relationship: UUID, version: int, person: UUID, event: Event) -> Append:
    command_id = new_id()
    event_id = derived_id(command_id, 0)
    entry = Entry(event_id, event.type, event.schema_version, relationship, clock.now(), event.model_dump_json())
    stream = f"relationship-{relationship}"
    return Append(stream, version, command_id, b"", PROGRAM, str(person), command_id, None, (entry,))


def of(sound: Evidence, events: Iterable[Recorded], heard: bool = True) -> Evidence:
    """As if this were the log, its chain in order, and everybody had heard it."""
    log: list[Recorded] = []
    last = GENESIS
    for one in events:
        moved = one._replace(position=last.position + 1)
        log.append(moved._replace(hash=event_hash(last.hash, fields_of(moved))))
        last = Head(log[-1].position, log[-1].hash)
    return replace(sound, log=log, head=last, heard=dict.fromkeys(sound.heard, log) if heard else sound.heard)


def asked_again(sound: Evidence) -> Evidence:
    """Ada's request was carried out a second time, as the third event of its stream."""
    return of(sound, [*sound.log, sound.log[0]._replace(version=3)])


def heard_as(sound: Evidence, order: Iterable[int]) -> Evidence:
    return replace(sound, heard={"Bob": [sound.log[index] for index in order]})


def changed(sound: Evidence, index: int, **fields: object) -> list[Recorded]:
    return [one._replace(**fields) if at == index else one for at, one in enumerate(sound.log)]  # type: ignore[arg-type]


WRONG: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "an acknowledged event is lost from the end": (
        "every acknowledged command is in the log",
        lambda sound: of(sound, sound.log[:-1]),
    ),
    "an acknowledged position is another's": (
        "every acknowledged command is in the log",
        lambda sound: replace(sound, asked=[replace(sound.asked[0], position=2), *sound.asked[1:]]),
    ),
    "an event is lost from the middle": (
        "the log is dense and its hash chain holds",
        lambda sound: replace(sound, log=[*sound.log[:1], *sound.log[2:]]),
    ),
    "an event is doubled": (
        "the log is dense and its hash chain holds",
        lambda sound: replace(sound, log=[*sound.log[:2], *sound.log[1:]]),
    ),
    "two events have changed places": (
        "the log is dense and its hash chain holds",
        lambda sound: replace(sound, log=[sound.log[0], sound.log[2], sound.log[1], sound.log[3]]),
    ),
    "an event was changed": (
        "the log is dense and its hash chain holds",
        lambda sound: replace(sound, log=changed(sound, 1, data="{}", type="other")),
    ),
    "a command was carried out twice": ("no command is there twice", asked_again),
    "a command's event has an id of its own": (
        "no command is there twice",
        lambda sound: of(sound, changed(sound, 1, event_id=new_id())),
    ),
    "somebody did what she never asked for": (
        "nothing is there that nobody asked for",
        lambda sound: of(sound, changed(sound, 1, command_id=new_id())),
    ),
    "what was refused at once happened": (
        "nothing is there that nobody asked for",
        lambda sound: replace(sound, asked=[replace(one, outcome=Outcome.REFUSED) for one in sound.asked]),
    ),
    "a version is left out": ("every stream is dense", lambda sound: of(sound, changed(sound, 2, version=3))),
    "the clock went back": (
        "recorded time never goes back",
        lambda sound: of(sound, changed(sound, 2, recorded_at=sound.log[0].recorded_at - timedelta(seconds=1))),
    ),
    "one event was never heard": ("every subscriber heard every event", lambda sound: heard_as(sound, (0, 1, 3))),
    "an event was heard otherwise": (
        "every subscriber heard every event",
        lambda sound: replace(sound, heard={"Bob": changed(sound, 1, data="{}")}),
    ),
    "a stream was heard in another order": ("and in order per stream", lambda sound: heard_as(sound, (2, 0, 1, 3))),
    "a claim was not taken": ("claims are what the log says", lambda sound: replace(sound, claims=frozenset())),
    "a claim was not released": (
        "claims are what the log says",
        lambda sound: replace(sound, claims=sound.claims | {("pair:x", str(SECOND))}),
    ),
    "a mentor has too many": (
        "no mentor had more than the capacity",
        lambda sound: replace(sound, capacities={MENTOR: 0}),
    ),
    "a table lags": (
        "views, directories and relay reached the head",
        lambda sound: replace(sound, behind=["goals: 3 of 4"]),
    ),
    "a table differs": (
        "views and directories equal a rebuild",
        lambda sound: replace(sound, differing=["views: goals"]),
    ),
}


def against(evidence: Evidence) -> set[str]:
    return {promise for promise, broken in findings(evidence).items() if broken}


def test_a_sound_log_breaks_no_promise(sound: Evidence) -> None:
    assert against(sound) == set()


def test_what_came_late_or_in_another_order_across_streams_breaks_none(sound: Evidence) -> None:
    assert against(heard_as(sound, (1, 0, 1, 3, 2, 0))) == set()


def test_uncertain_wishes_may_or_may_not_have_happened(sound: Evidence) -> None:
    nowhere = Asked("wish", ADA, new_id(), Outcome.UNCERTAIN, 3, 60.0)
    asked = [replace(one, outcome=Outcome.UNCERTAIN) for one in sound.asked]
    assert against(replace(sound, asked=[*asked, nowhere])) == set()


@pytest.mark.parametrize("wrong", WRONG)
def test_the_oracle_sees_that(wrong: str, sound: Evidence) -> None:
    promise, spoil = WRONG[wrong]
    assert promise in against(spoil(sound))

"""Whatever is asked, by whomever, in whatever order."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import count, pairwise
from random import Random
from typing import Any, get_args
from uuid import UUID, uuid4, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.commands import (
    AcceptRequest,
    ConcludeRelationship,
    DissolveRelationship,
    ExpireRequest,
    GiveClosingFeedback,
    ProposeAgreement,
    RequestMentor,
    SignAgreement,
)
from services.matching.domain import NOTHING, Enrolment, Known, State, decide, evolve
from services.matching.domain.relationship import Active, Begun, Happening, Live, Nothing, Over, Pending
from services.matching.service import RELATIONSHIP
from shared.ids import NIL
from shared.log import Append, Appended, Release, Take, open_log
from shared.messages import Command, Event
from shared.refusals import Refusal
from shared.service import Asker
from tests.contract.golden import golden
from tests.unit.matching.people import MONDAY, TERMS

PROGRAM = uuid5(NIL, "program")
MENTORS = {uuid5(NIL, "grace"): 1, uuid5(NIL, "barbara"): 2}
MENTEES = [uuid5(NIL, name) for name in ("ada", "mary", "sofia")]

ENROLLED = {(PROGRAM, mentor): Enrolment("mentor", capacity) for mentor, capacity in MENTORS.items()} | {
    (PROGRAM, mentee): Enrolment("mentee", 0) for mentee in MENTEES
}

ALLOWED = {
    "nothing": {"proposed"},
    "proposed": {"info_requested", "accepted", "declined", "withdrawn", "expired", "ended"},
    "info_requested": {"proposed", "accepted", "declined", "withdrawn", "expired", "ended"},
    "accepted": {"active", "ended"},
    "active": {"paused", "concluding", "ended"},
    "paused": {"active", "ended"},
    "concluding": {"completed", "ended"},
}

ONWARD = (AcceptRequest, ProposeAgreement, SignAgreement, SignAgreement, ConcludeRelationship, GiveClosingFeedback)
ROLES = ["mentor", "mentee", "mentor", "mentee", "mentor", "mentee", "somebody", "timer", "eraser"]
OF_THE_PLATFORM: dict[str, type[Command]] = {"timer": ExpireRequest, "eraser": DissolveRelationship}
KINDS: list[type[Command]] = [*RELATIONSHIP.commands, *ONWARD * 6, *[RequestMentor] * 6]


def wish(kind: type[Command], relationship: UUID, mentor: UUID, number: int, at: datetime) -> Command:
    words: dict[str, Any] = {
        "relationship_id": relationship,
        "program_id": PROGRAM,
        "mentor_id": mentor,
        "message": "Will you teach me?",
        "expires_at": at + timedelta(days=2),
        "reason": "So it is",
        "question": "Why?",
        "answer": "Therefore",
        "terms": TERMS,
        "number": number,
        "rating": 4,
        "comment": "Thank you",
        "erased_id": mentor,
        "at": at,
    }
    return kind.model_validate({name: words[name] for name in kind.model_fields})


class World:
    """All relationships, with the log's own judgement of the claims that they make."""

    def __init__(self) -> None:
        self.states: defaultdict[UUID, State] = defaultdict(lambda: NOTHING)
        self._log = open_log("memory:")

    def ask(self, asker: Asker, command: Any) -> list[State]:
        """The states that the relationship goes through, from that before; only this one when refused."""
        relationship = command.relationship_id
        path = [self.states[relationship]]
        try:
            outcome = decide(command, path[0], Known(asker, ENROLLED))
        except Refusal:
            return path
        claims = tuple(item for item in outcome if isinstance(item, Take | Release))
        append = Append(str(relationship), 0, uuid4(), b"", PROGRAM, asker.actor, uuid4(), None, (), claims)
        if isinstance(self._log.append([append])[0], Appended):
            for happened in (item for item in outcome if isinstance(item, Happening)):
                path.append(evolve(path[-1], happened))
        self.states[relationship] = path[-1]
        return path

    def at_table(self, table: int) -> UUID:
        """The relationship that sits there: when it is over, the next."""
        ids = (uuid5(NIL, f"{table}, {number}") for number in count())
        return next(one for one in ids if not isinstance(self.states[one], Over))

    def meant(self, relationship: UUID, role: str, mentee: UUID) -> tuple[Asker, int]:
        """Who plays this role (before it begins: `mentee`), and the number of the latest proposal."""
        state = self.states[relationship]
        if role in OF_THE_PLATFORM:
            return Asker(f"system:{role}"), 0
        if isinstance(state, Nothing) or role == "somebody":
            return Asker(str(mentee)), 0
        person = state.about.mentor_id if role == "mentor" else state.about.mentee_id
        return Asker(str(person)), len(state.about.proposals)

    @property
    def begun(self) -> list[Begun]:
        return [state for state in self.states.values() if not isinstance(state, Nothing)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_no_sequence_of_wishes_breaks_the_rules(seed: int) -> None:
    chance, world, at = Random(seed), World(), MONDAY
    for _ in range(400):
        at += chance.random() * timedelta(hours=3)
        relationship = world.at_table(chance.randrange(4))
        role = chance.choice(ROLES)
        kind = OF_THE_PLATFORM.get(role) or chance.choice(KINDS)
        asker, latest = world.meant(relationship, role, chance.choice(MENTEES))
        number = max(latest - chance.choice((0, 0, 1)), 1)
        path = world.ask(asker, wish(kind, relationship, chance.choice(list(MENTORS)), number, at))
        for before, after in pairwise(path):
            assert after.status == before.status or after.status in ALLOWED[before.status]
        no_mentor_has_more_mentees_than_places(world)
        no_pair_is_together_twice(world)
        who_is_active_has_an_agreement(world)


def no_mentor_has_more_mentees_than_places(world: World) -> None:
    mentees = Counter(state.about.mentor_id for state in world.begun if isinstance(state, Live))
    assert all(number <= MENTORS[mentor] for mentor, number in mentees.items())


def no_pair_is_together_twice(world: World) -> None:
    pairs = Counter(state.about.parties for state in world.begun if isinstance(state, Pending | Live))
    assert all(number == 1 for number in pairs.values())


def who_is_active_has_an_agreement(world: World) -> None:
    assert all(state.about.agreement for state in world.begun if isinstance(state, Active))


@given(st.lists(st.sampled_from(get_args(Happening)), max_size=30))
def test_any_history_folds_to_a_state(kinds: list[type[Event]]) -> None:
    state: State = NOTHING
    for kind in kinds:
        event = golden(kind)
        assert isinstance(event, Happening)
        state = evolve(state, event)
        assert state.status in {*ALLOWED, "declined", "withdrawn", "expired", "completed", "ended"}

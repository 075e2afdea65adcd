"""Whatever is appended, every storage answers as a model of a few lines does."""

from collections import defaultdict
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.ids import derived_id
from shared.log import Append, Appended, Claim, ClaimTaken, EventLog, IdReused, Outcome, Release, Take, VersionConflict
from shared.log.hashing import Intact, verify
from tests.contract.log.saying import say


class Model:
    def __init__(self, position: int) -> None:
        self.position = position
        self.versions: dict[str, int] = defaultdict(int)
        self.answers: dict[UUID, tuple[bytes, Appended]] = {}
        self.holders: dict[str, set[str]] = defaultdict(set)

    def append(self, append: Append) -> Outcome:
        if append.command_id in self.answers:
            digest, answer = self.answers[append.command_id]
            if digest != append.command_digest:
                return IdReused()
            return Appended(answer.first, answer.last, answer.version, repeated=True)
        if append.expected_version != self.versions[append.stream]:
            return VersionConflict(self.versions[append.stream])
        before = {key: set(holders) for key, holders in self.holders.items()}
        for claim in append.claims:
            others = self.holders[claim.key] - {claim.holder}
            if isinstance(claim, Release):
                self.holders[claim.key] = others
            elif len(others) < claim.limit:
                self.holders[claim.key] = others | {claim.holder}
            else:
                self.holders = defaultdict(set, before)
                return ClaimTaken(claim.key)
        first = self.position + (1 if append.entries else 0)
        self.position += len(append.entries)
        self.versions[append.stream] += len(append.entries)
        answer = Appended(first, self.position, self.versions[append.stream])
        self.answers[append.command_id] = append.command_digest, answer
        return answer


people = st.sampled_from(["ada", "grace", "mary"])
keys = st.sampled_from(["email", "slots"])
claims = st.one_of(st.builds(Take, keys, people, st.integers(1, 2)), st.builds(Release, keys, people))


@dataclass(frozen=True)
class Wish:
    room: str
    texts: int
    drift: int
    command: int
    digest: bytes
    claims: list[Claim]


wishes = st.builds(
    Wish,
    room=st.sampled_from(["kitchen", "garden"]),
    texts=st.integers(0, 2),
    drift=st.sampled_from([0, 0, 0, 1, -1]),
    command=st.integers(0, 15),
    digest=st.sampled_from([b"one", b"one", b"two"]),
    claims=st.lists(claims, max_size=3),
)


@given(st.lists(st.lists(wishes, min_size=1, max_size=5), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_storage_answers_as_the_model(log: EventLog, batches: list[list[Wish]]) -> None:
    """Each example has rooms, commands and keys of its own, so that all of them can share one log."""
    own = uuid4()
    model = Model(log.head().position)
    for batch in batches:
        appends = [
            say(
                stream := f"{wish.room} {own}",
                *["text"] * wish.texts,
                after=max(0, model.versions[stream] + wish.drift),
                command=derived_id(own, wish.command),
                digest=wish.digest,
                claims=[replace(claim, key=f"{claim.key} {own}") for claim in wish.claims],
            )
            for wish in batch
        ]
        assert log.append(appends) == [model.append(append) for append in appends]
    assert log.head().position == model.position
    assert verify(log) == Intact(log.head())

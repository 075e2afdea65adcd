"""Whatever cannot be taken in is parked with what follows of its subject; nothing else waits, and nothing overtakes."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock, parking, subscription
from shared.database import reading
from shared.ids import NIL, new_id
from shared.keys import make_keys
from shared.log import Append, Entry, Recorded
from shared.parking import Parked
from shared.parts import Parts
from shared.projection import catch_up
from shared.refusals import NotReady, Unavailable
from shared.runtime import Runtime
from shared.service import Asker, Context
from shared.settings import Settings
from shared.subscription import Subscription
from tests.hosted import Hosted
from tests.unit.shared.counting import Rang
from tests.unit.shared.listening import Answer, Ears

ADA, BEA = UUID(int=1), UUID(int=2)


class Listening:
    """The toy service, and bells whose ringing is recorded by somebody else."""

    def __init__(self, folder: Path) -> None:
        make_keys(folder / "secrets")
        settings = Settings(database_url=f"sqlite:///{folder}", secrets_dir=folder / "secrets")
        self.ears = Ears()
        self.hosted = Hosted(self.ears.service(), Parts(settings, "listening"))
        self.subscription = self.hosted.subscription

    def ring(self, bell: UUID, times: int | str, subject: bool = True, version: int = 1) -> Recorded:
        """`times` may be what nobody can read; without a subject it is the bell's stream that stays in order."""
        data = json.dumps({"counter_id": str(bell), "times": times})
        entry = Entry(new_id(), Rang.type, version, bell if subject else None, clock.now(), data)
        log = self.hosted.log
        before = len(log.streams([f"bell-{bell}"])[f"bell-{bell}"])
        log.append([Append(f"bell-{bell}", before, new_id(), b"", NIL, "bells", NIL, None, (entry,))])
        return log.read(log.head().position - 1, 1)[0]

    def pass_by(self) -> Recorded:
        """What concerns neither the directory nor a policy."""
        event_id = new_id()
        entry = Entry(event_id, "bells.seen", 1, None, clock.now(), "{}")
        self.hosted.log.append([Append(f"tower-{event_id}", 0, event_id, b"", NIL, "bells", NIL, None, (entry,))])
        return self.hosted.log.read(self.hosted.log.head().position - 1, 1)[0]

    def heard(self, bell: UUID) -> str:
        """The numbers of its rings, in the order in which they were taken in."""
        [view] = self.hosted.runtime.service.directory
        row = self.hosted.runtime.reader.one(view, bell)
        return row["order"] if row else ""

    def answered(self, bell: UUID) -> list[int]:
        """What the policy did, in the order in which it did it."""
        stream = f"answer-{bell}"
        return [json.loads(one.data)["times"] for one in self.hosted.log.streams([stream])[stream]]

    @property
    def parked(self) -> list[Parked]:
        with reading(self.hosted.runtime.database) as connection:
            return parking.listed(connection)

    @property
    def checkpoint(self) -> int:
        with reading(self.hosted.runtime.database) as connection:
            return self.hosted.runtime.directory.checkpoint(connection)

    def assert_equals_a_rebuild(self) -> None:
        directory = self.hosted.runtime.directory
        beside = directory.beside("_rebuilt")
        with self.hosted.runtime.database.begin() as connection:
            beside.install(connection)
            list(catch_up(beside, connection, self.hosted.log, directory.checkpoint(connection)))
            assert beside.digests(connection) == directory.digests(connection)


@pytest.fixture
def listening(tmp_path: Path) -> Listening:
    return Listening(tmp_path)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PAUSES", (0, 0))


def test_what_the_directory_cannot_take_in_is_parked_with_what_follows_and_others_flow(listening: Listening) -> None:
    listening.ears.unfoldable = {2}
    for times in (1, 2, 3):
        listening.ring(ADA, times)
    last = listening.ring(BEA, 4)
    listening.hosted.hear()
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "4")
    assert listening.checkpoint == last.position
    first, second = listening.parked
    assert (first.position, first.subject, first.reason, first.tries) == (2, str(ADA), "ZeroDivisionError", 3)
    assert (second.position, second.subject, second.reason, second.tries) == (3, str(ADA), None, 0)


def test_what_a_policy_cannot_answer_is_parked_with_what_follows_and_others_flow(listening: Listening) -> None:
    listening.ears.unanswerable = {2}
    for times in (1, 2, 3):
        listening.ring(ADA, times)
    listening.ring(BEA, 4)
    listening.hosted.hear()
    assert (listening.answered(ADA), listening.answered(BEA)) == ([1], [4])
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "4")
    assert [one.reason for one in listening.parked] == ["ZeroDivisionError", None]
    assert 3 not in listening.ears.tried


def test_what_nobody_can_read_is_parked(listening: Listening) -> None:
    listening.ring(ADA, "a very private text")
    listening.ring(BEA, 1)
    listening.hosted.hear()
    assert listening.heard(BEA) == "1"
    [one] = listening.parked
    assert one.reason == "ValidationError"


def test_a_version_of_a_later_release_is_parked_until_that_release_redrives_it(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening.ring(ADA, 1)
    listening.ring(ADA, 2, version=3)
    listening.ring(ADA, 3)
    listening.ring(BEA, 4)
    listening.hosted.hear()
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "4")
    assert [(one.position, one.reason) for one in listening.parked] == [(2, "VersionUnknown"), (3, None)]
    monkeypatch.setattr(Rang, "schema_version", 3)
    monkeypatch.setattr(Rang, "upcasters", {1: _tenfold, 2: _tenfold})
    assert listening.subscription.redrive(str(ADA)) == 2
    assert (listening.heard(ADA), listening.answered(ADA)) == ("1 2 300", [1, 2, 300])
    assert listening.parked == []


def _tenfold(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "times": 10 * data["times"]}


def test_without_a_subject_it_is_the_stream_that_stays_in_order(listening: Listening) -> None:
    listening.ears.unfoldable = {2}
    for times in (1, 2, 3):
        listening.ring(ADA, times, subject=False)
        listening.ring(BEA, times + 10, subject=False)
    listening.hosted.hear()
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "11 12 13")
    assert {one.subject for one in listening.parked} == {f"bell-{ADA}"}


def test_of_many_events_only_those_that_cannot_be_taken_in_are_parked(listening: Listening) -> None:
    listening.ears.unfoldable = {17, 250, 251}
    bells = [listening.ring(uuid4(), times) for times in range(300)]
    listening.hosted.hear()
    assert [one.position for one in listening.parked] == [bells[times].position for times in (17, 250, 251)]


def test_parking_is_told_where_but_never_what(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    listening.ears.unfoldable = {987654}
    listening.ring(ADA, 987654)
    listening.ring(BEA, "a very private text")
    with caplog.at_level(logging.DEBUG):
        listening.hosted.hear()
    told = [record.__dict__ for record in caplog.records if record.message == "parked"]
    assert [one["reason"] for one in told] == ["ZeroDivisionError", "ValidationError"]
    assert "listening.py" in told[0]["where"] and told[0]["correlation_id"] == str(NIL)
    words = " ".join(map(str, told)) + " ".join(map(str, listening.parked)) + caplog.text
    assert "987654" not in words and "private" not in words


def test_redriven_after_the_repair_all_is_taken_in_order_and_equals_a_rebuild(listening: Listening) -> None:
    listening.ears.unfoldable, listening.ears.unanswerable = {2}, {4}
    for times in range(1, 6):
        listening.ring(ADA, times)
    listening.hosted.hear()
    listening.ring(ADA, 6)
    listening.hosted.hear()
    listening.ears.unfoldable, listening.ears.unanswerable = set(), set()
    assert listening.subscription.redrive(str(ADA)) == 5
    assert not listening.parked
    assert listening.heard(ADA) == "1 2 3 4 5 6"
    assert listening.answered(ADA) == [1, 2, 3, 4, 5, 6]
    listening.ring(ADA, 7)
    listening.hosted.hear()
    assert listening.heard(ADA) == "1 2 3 4 5 6 7"
    listening.assert_equals_a_rebuild()


def test_redriven_before_the_repair_it_stays_parked_with_what_follows(listening: Listening) -> None:
    listening.ears.unfoldable = {2, 4}
    for times in range(1, 6):
        listening.ring(ADA, times)
    listening.hosted.hear()
    assert listening.subscription.redrive(str(ADA)) == 0
    assert listening.parked[0].tries == 4
    listening.ears.unfoldable = {4}
    assert listening.subscription.redrive(str(ADA)) == 2
    assert listening.heard(ADA) == "1 2 3"
    assert [one.reason for one in listening.parked] == ["ZeroDivisionError", None]


def test_what_happens_while_it_is_redriven_does_not_overtake(listening: Listening) -> None:
    """Somebody else, who knows of nothing yet, hears of it in the middle."""
    listening.ears.unfoldable = {1}
    listening.ring(ADA, 1)
    listening.ring(ADA, 2)
    listening.hosted.hear()
    listening.ears.unfoldable = set()
    others = Subscription(listening.hosted.runtime)

    def meanwhile() -> None:
        listening.ring(ADA, 3)
        others.catch_up()

    during(listening, 2, meanwhile)
    assert listening.subscription.redrive(str(ADA)) == 3
    assert listening.heard(ADA) == "1 2 3"
    assert listening.answered(ADA) == [1, 2, 3]


def test_what_is_redriven_while_others_are_heard_is_noticed(listening: Listening) -> None:
    """Ada's lane is thought parked when the batch is begun, and is free when its transaction begins."""
    listening.ears.unfoldable = {1}
    listening.ring(ADA, 1)
    listening.hosted.hear()
    listening.ears.unfoldable = set()
    listening.ring(ADA, 2)
    listening.ring(BEA, 3)
    during(listening, 3, lambda: Subscription(listening.hosted.runtime).redrive(str(ADA)))
    listening.hosted.hear()
    assert not listening.parked
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1 2", "3")
    assert (listening.answered(ADA), listening.answered(BEA)) == ([1, 2], [3])


def test_two_who_redrive_at_once_take_in_each_event_once(listening: Listening) -> None:
    listening.ears.unfoldable = {1}
    listening.ring(ADA, 1)
    listening.ring(ADA, 2)
    listening.hosted.hear()
    listening.ears.unfoldable = set()
    during(listening, 1, lambda: Subscription(listening.hosted.runtime).redrive(str(ADA)))
    listening.subscription.redrive(str(ADA))
    assert (listening.heard(ADA), listening.answered(ADA)) == ("1 2", [1, 2])


def during(listening: Listening, times: int, act: Callable[[], object]) -> None:
    """Just before this ring is answered for the first time."""
    policies = listening.hosted.runtime.service.policies
    [policy] = policies[Rang]
    acts = [act]

    def answer_when_bell_rang(event: Rang, recorded: Recorded) -> Answer:
        if event.times == times and acts:
            acts.pop()()
        answer = policy(event, recorded)
        assert isinstance(answer, Answer)
        return answer

    object.__setattr__(listening.hosted.runtime.service, "policies", {Rang: [answer_when_bell_rang]})


def test_a_refusal_is_an_answer_and_parks_nothing(listening: Listening) -> None:
    listening.ears.refused = {1}
    listening.ring(ADA, 1)
    listening.ring(ADA, 2)
    listening.hosted.hear()
    assert not listening.parked
    assert (listening.heard(ADA), listening.answered(ADA)) == ("1 2", [2])


def test_what_a_policys_own_dependency_holds_up_is_tried_again_by_itself(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening.ears.held_up = {2}
    for times in (1, 2, 3):
        listening.ring(ADA, times)
    listening.ring(BEA, 4)
    listening.hosted.hear()
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "4")
    first, _ = listening.parked
    assert (first.reason, first.tries) == ("Unavailable", 1)
    assert first.again_at
    listening.subscription.redrive_due()
    assert listening.parked[0] == first
    later = first.again_at
    monkeypatch.setattr(clock, "now", lambda: later)
    listening.subscription.redrive_due()
    assert listening.parked[0].tries == 2
    assert listening.parked[0].again_at and listening.parked[0].again_at > later
    listening.ears.held_up = set()
    latest = listening.parked[0].again_at
    monkeypatch.setattr(clock, "now", lambda: latest)
    listening.subscription.redrive_due()
    assert not listening.parked
    assert listening.heard(ADA) == "1 2 3"


def test_while_the_log_is_down_nothing_is_parked(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise Unavailable("The database does not answer.")

    rung = [listening.ring(ADA, 1), listening.ring(BEA, 2)]
    listening.ears.held_up = {1}
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(listening.hosted.log, "head", down)
        with pytest.raises(Unavailable):
            listening.subscription.receive(rung)
    assert (listening.parked, listening.checkpoint) == ([], 0)
    listening.ears.held_up = set()
    listening.subscription.receive(rung)
    assert (listening.heard(ADA), listening.heard(BEA)) == ("1", "2")


def test_a_command_that_has_seen_a_parked_event_is_told_to_wait(listening: Listening) -> None:
    """In any copy: also in one that does not hear."""
    listening.ears.unfoldable = {1}
    parked, free = listening.ring(ADA, 1), listening.ring(BEA, 2)
    listening.hosted.hear()
    hearing = listening.hosted.runtime
    other = Runtime(hearing.service, hearing.log, hearing.database, listening.hosted.vault, b"", Asker)
    for runtime in (hearing, other):
        with pytest.raises(NotReady):
            runtime.handle(Answer(counter_id=ADA, times=5, at=clock.now()), seen(parked))
        runtime.handle(Answer(counter_id=BEA, times=6, at=clock.now()), seen(free))


def seen(recorded: Recorded) -> Context:
    return Context(new_id(), new_id(), actor="system:test", seen=recorded.position)


def test_messages_from_a_future_that_the_log_does_not_know_are_passed_over(listening: Listening) -> None:
    rung = [listening.ring(ADA, times) for times in (1, 2, 3)]
    beyond = rung[2]._replace(position=99)
    listening.subscription.receive([beyond])
    assert listening.heard(ADA) == "1 2 3"


@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_whatever_fails_and_however_it_is_fed_order_is_kept_and_repair_makes_it_whole(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        listening = Listening(Path(folder))
        troubles = st.sets(st.integers(0, 19), max_size=5)
        listening.ears = _troubled(listening.ears, *(data.draw(troubles) for _ in range(3)))
        bells = [ADA, BEA, UUID(int=3)]
        order: dict[UUID, list[int]] = {bell: [] for bell in bells}
        for times in range(20):
            bell = data.draw(st.sampled_from(bells))
            listening.ring(bell, times)
            order[bell].append(times)
            for _ in range(data.draw(st.integers(0, 2))):
                listening.pass_by()
            match data.draw(st.sampled_from(["feed", "hear", "redrive", "nothing"])):
                case "hear":
                    listening.hosted.hear()
                case "feed":
                    after = data.draw(st.integers(0, listening.hosted.log.head().position - 1))
                    listening.subscription.receive(listening.hosted.log.read(after, data.draw(st.integers(1, 30))))
                case "redrive":
                    listening.subscription.redrive(str(bell))
            for one in bells:
                assert order[one][: len(listening.heard(one).split())] == [int(n) for n in listening.heard(one).split()]
        _troubled(listening.ears, set(), set(), set())
        listening.hosted.hear()
        for bell in bells:
            listening.subscription.redrive(str(bell))
        listening.hosted.hear()
        assert not listening.parked
        assert {bell: listening.answered(bell) for bell in bells} == order
        assert {bell: [int(n) for n in listening.heard(bell).split()] for bell in bells} == order
        listening.assert_equals_a_rebuild()
        listening.hosted.log.close()
        listening.hosted.runtime.database.dispose()


def _troubled(ears: Ears, unfoldable: set[int], unanswerable: set[int], held_up: set[int]) -> Ears:
    ears.unfoldable, ears.unanswerable, ears.held_up = unfoldable, unanswerable, held_up
    return ears

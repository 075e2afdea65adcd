from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from shared import clock, runtime
from shared.ids import derived_id, new_id
from shared.keys import make_keys
from shared.log import Append, Entry
from shared.messages import VersionUnknown, encode
from shared.parts import Parts
from shared.refusals import CommandReused, NotReady, Stale
from shared.runtime import FromTheFuture
from shared.service import Asker, Context, Done
from shared.settings import Settings
from tests.hosted import Hosted
from tests.unit.shared.counting import COUNTER, HEARD, Count, Counted, CountedTooFar, Name, NameTaken, Rang, counting

ADA = uuid4()


@pytest.fixture
def hosted(tmp_path: Path) -> Hosted:
    make_keys(tmp_path / "secrets")
    settings = Settings(database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets")
    return Hosted(counting(), Parts(settings, "counting"))


def count(counter: UUID, by: int = 1, note: str = "") -> Count:
    return Count(counter_id=counter, by=by, note=note, at=clock.now())


def total(hosted: Hosted, counter: UUID) -> int:
    state, _ = hosted.runtime.load(COUNTER, counter)
    return state.total


def ring(hosted: Hosted, counter: UUID, times: int) -> None:
    """As if the service of the bells had written it."""
    event_id = new_id()
    event = Rang(counter_id=counter, times=times)
    entry = Entry(event_id, event.type, 1, None, clock.now(), encode(event, event_id, hosted.vault))
    hosted.log.append([Append(f"bell-{event_id}", 0, new_id(), b"", new_id(), "bells", new_id(), None, (entry,))])


def test_a_command_is_decided_on_the_fold_of_its_stream(hosted: Hosted) -> None:
    counter = uuid4()
    hosted.send(count(counter, 4), ADA)
    assert hosted.send(count(counter, 5), ADA).version == 2
    with pytest.raises(CountedTooFar):
        hosted.send(count(counter, 2), ADA)
    assert total(hosted, counter) == 9


def test_a_service_reads_what_an_earlier_release_of_it_wrote(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    counter, command_id = uuid4(), new_id()
    hosted.send(count(counter, 1, "one"), ADA, command_id=command_id)
    monkeypatch.setattr(Counted, "schema_version", 3)
    steps = {
        1: lambda data: {**data, "steps": 2 * data.pop("by")},
        2: lambda data: {**data, "by": data.pop("steps") + 1},
    }
    monkeypatch.setattr(Counted, "upcasters", steps)
    assert total(hosted, counter) == 3
    assert hosted.send(count(counter, 1, "one"), ADA, command_id=command_id).result == {"noted": "one"}
    hosted.send(count(counter, 7), ADA)
    assert total(hosted, counter) == 10
    with pytest.raises(CountedTooFar):
        hosted.send(count(counter, 1), ADA)
    hosted.hear()
    row = hosted.runtime.reader.one(HEARD, counter)
    assert row is not None and row["events"] == 2


def test_a_service_does_not_decide_on_what_a_later_release_wrote(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = uuid4()
    with monkeypatch.context() as later:
        later.setattr(Counted, "schema_version", 2)
        hosted.send(count(counter, 1), ADA)
    with pytest.raises(VersionUnknown, match=r"counting\.counted version 2"):
        hosted.send(count(counter, 1), ADA)
    assert hosted.log.head().position == 1


def test_the_same_command_again_answers_as_the_first_time_and_has_its_effect_once(hosted: Hosted) -> None:
    counter, command_id = uuid4(), new_id()
    first = hosted.send(count(counter, 9, "nine"), ADA, command_id=command_id)
    again = hosted.send(count(counter, 9, "nine"), ADA, command_id=command_id)
    assert again == Done(first.position, first.version, True, {"noted": "nine"})
    assert total(hosted, counter) == 9


def test_the_same_id_with_another_wish_is_refused(hosted: Hosted) -> None:
    counter, command_id = uuid4(), new_id()
    hosted.send(count(counter, 1), ADA, command_id=command_id)
    with pytest.raises(CommandReused):
        hosted.send(count(counter, 2), ADA, command_id=command_id)


def test_a_refused_command_is_decided_again_when_it_is_repeated(hosted: Hosted) -> None:
    counter, command_id = uuid4(), new_id()
    hosted.send(count(counter, 10), ADA)
    with pytest.raises(CountedTooFar):
        hosted.send(count(counter, 1), ADA, command_id=command_id)
    hosted.send(count(counter, -5), ADA)
    assert hosted.send(count(counter, 1), ADA, command_id=command_id).version == 3


def test_a_command_decided_on_a_stale_version_is_refused(hosted: Hosted) -> None:
    counter = uuid4()
    hosted.send(count(counter), ADA)
    hosted.send(count(counter), ADA, version=1)
    with pytest.raises(Stale):
        hosted.send(count(counter), ADA, version=1)


def test_a_wish_from_the_future_is_refused(hosted: Hosted) -> None:
    with pytest.raises(FromTheFuture):
        hosted.send(Count(counter_id=uuid4(), at=clock.now() + timedelta(minutes=1)), ADA)


def test_what_was_done_keeps_its_answer_when_clocks_disagree_later(hosted: Hosted) -> None:
    counter, command_id = uuid4(), new_id()
    first = hosted.send(count(counter, 9), ADA, command_id=command_id)
    late = Count(counter_id=counter, by=9, at=clock.now() + timedelta(minutes=1))
    again = hosted.send(late, ADA, command_id=command_id)
    assert (again.position, again.version, again.repeated) == (first.position, first.version, True)
    with pytest.raises(FromTheFuture):
        hosted.send(late, ADA, command_id=new_id())


def test_a_wish_that_changes_nothing_writes_nothing(hosted: Hosted) -> None:
    assert hosted.send(count(uuid4(), 0), ADA) == Done()
    assert hosted.log.head().position == 0


def test_a_taken_claim_is_the_services_own_refusal(hosted: Hosted) -> None:
    hosted.send(Name(counter_id=uuid4(), name="one", at=clock.now()), ADA)
    with pytest.raises(NameTaken):
        hosted.send(Name(counter_id=uuid4(), name="one", at=clock.now()), ADA)


def test_many_commands_go_together_and_each_gets_its_own_answer(hosted: Hosted) -> None:
    counters, repeated = [uuid4() for _ in range(5)], new_id()
    hosted.send(count(counters[1], 10), ADA)
    hosted.send(count(counters[2]), ADA, command_id=repeated)
    ids = [new_id(), new_id(), repeated, new_id(), new_id()]
    steps = [1, 1, 1, 0, 3]
    answers = hosted.runtime.execute(
        [(count(c, by), Context(i, correlation_id=i)) for c, by, i in zip(counters, steps, ids, strict=True)],
        Asker(str(ADA)),
    )
    assert isinstance(answers[1], CountedTooFar)
    assert [(a.version, a.repeated) for a in answers if isinstance(a, Done)] == [
        (1, False),
        (1, True),
        (0, False),
        (1, False),
    ]


def test_a_policy_answers_each_event_once_however_often_it_is_heard(hosted: Hosted) -> None:
    bell = uuid4()
    ring(hosted, bell, 3)
    batch = hosted.log.read(0)
    hosted.subscription.receive(batch)
    hosted.subscription.receive(batch)
    assert total(hosted, derived_id(bell, "echo")) == 3


def test_a_policy_that_was_cut_off_before_its_checkpoint_has_its_effect_once(hosted: Hosted) -> None:
    bell = uuid4()
    ring(hosted, bell, 3)
    hosted.subscription._follow_policies(hosted.log.read(0)[0])
    hosted.hear()
    assert total(hosted, derived_id(bell, "echo")) == 3


def test_what_is_missing_before_a_batch_is_read_from_the_log_first(hosted: Hosted) -> None:
    bell = uuid4()
    for _ in range(3):
        ring(hosted, bell, 1)
    hosted.subscription.receive(hosted.log.read(2))
    row = hosted.runtime.reader.one(HEARD, bell)
    assert row is not None
    assert row["events"] == 3


def test_a_command_does_not_wait_for_what_its_service_heeds_nothing_of(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "LOOKED_THROUGH", 2)
    for _ in range(5):
        happen_elsewhere(hosted)
    assert hosted.runtime.handle(count(uuid4()), at_once(seen=5)).position == 6
    ring(hosted, uuid4(), 1)
    happen_elsewhere(hosted)
    for seen in (7, 8):
        with pytest.raises(NotReady):
            hosted.runtime.handle(count(uuid4()), at_once(seen=seen))
    hosted.hear()
    assert hosted.runtime.handle(count(uuid4()), at_once(seen=8)).version == 1


def test_what_was_looked_through_once_is_not_looked_through_again(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was written here, and is not heeded, not at all."""
    monkeypatch.setattr(hosted.runtime, "heeded", [Rang.type])
    happen_elsewhere(hosted)
    own = hosted.runtime.handle(count(uuid4()), at_once(seen=1)).position
    monkeypatch.setattr(hosted.log, "read", None)
    for _ in range(2):
        own = hosted.runtime.handle(count(uuid4()), at_once(seen=own)).position
    assert own == 4


def happen_elsewhere(hosted: Hosted) -> None:
    entry = Entry(new_id(), "elsewhere.happened", 1, None, clock.now(), "{}")
    stream = f"elsewhere-{new_id()}"
    hosted.log.append([Append(stream, 0, new_id(), b"", new_id(), "others", new_id(), None, (entry,))])


def at_once(seen: int) -> Context:
    return Context(new_id(), correlation_id=new_id(), actor=str(ADA), seen=seen, deadline=clock.now())


def test_a_command_waits_for_the_directory_and_says_when_it_is_behind(hosted: Hosted) -> None:
    ring(hosted, uuid4(), 1)
    late = Context(
        new_id(), correlation_id=new_id(), actor=str(ADA), seen=1, deadline=clock.now() + timedelta(seconds=0.1)
    )
    with pytest.raises(NotReady):
        hosted.runtime.handle(count(uuid4()), late)
    hosted.hear()
    assert hosted.runtime.handle(count(uuid4()), late).version == 1


def test_a_stream_that_is_said_to_be_new_is_not_read_but_found_when_it_is_there(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = uuid4()
    with monkeypatch.context() as unread:
        unread.setattr(hosted.log, "streams", None)
        assert hosted.send(count(counter, 6), ADA, new=True).version == 1
    assert hosted.send(count(counter, 3), ADA, new=True).version == 2
    with pytest.raises(CountedTooFar):
        hosted.send(count(counter, 9), ADA, new=True)
    assert total(hosted, counter) == 9
    once = count(uuid4(), 1, "once")
    answers = [hosted.send(once, ADA, command_id=once.counter_id, new=True) for _ in range(2)]
    assert [answer.repeated for answer in answers] == [False, True]
    assert {answer.result["noted"] for answer in answers} == {"once"} and total(hosted, once.counter_id) == 1

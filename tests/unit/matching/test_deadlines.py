"""Requests lapse by themselves: the timer, late or not, alone or not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

import pytest

from services.matching.commands import AcceptRequest, RequestMentor, WithdrawRequest
from services.matching.directory import DEADLINES
from services.matching.domain import refusals
from services.matching.domain.relationship import Expired
from services.matching.events import MentorRequested
from services.matching.service import RELATIONSHIP
from shared import clock
from shared.deadlines import AT_ONCE, send_due
from shared.ids import new_id
from shared.refusals import Unavailable
from tests.hosted import Hosted
from tests.unit.matching.people import ADA, BARBARA, GRACE, PROGRAM

HOUR = timedelta(hours=1)


def request(matching: Hosted, mentor: UUID, expires_at: datetime, at: datetime) -> UUID:
    relationship = new_id()
    command = RequestMentor(
        relationship_id=relationship,
        program_id=PROGRAM,
        mentor_id=mentor,
        message="Will you teach me?",
        expires_at=expires_at,
        at=at,
    )
    matching.send(command, ADA, program=PROGRAM)
    return relationship


def overdue(matching: Hosted, mentor: UUID = GRACE) -> UUID:
    """A request whose time was over an hour ago."""
    now = clock.now()
    return request(matching, mentor, expires_at=now - HOUR, at=now - 2 * HOUR)


def types(matching: Hosted, relationship: UUID) -> list[str]:
    return [recorded.type.removeprefix("matching.") for recorded in matching.log.of_subject(relationship)]


def due(matching: Hosted) -> list[UUID]:
    return [row["owner"] for row in matching.runtime.reader.where(DEADLINES)]


def test_what_is_due_expires_as_of_its_time_however_late_the_timer_is(matching: Hosted) -> None:
    relationship = overdue(matching)
    matching.hear()
    assert send_due(matching.runtime) == 1
    expired = matching.log.of_subject(relationship)[-1]
    state = matching.runtime.load(RELATIONSHIP, relationship)[0]
    assert isinstance(state, Expired)
    assert (expired.occurred_at, expired.actor) == (state.about.expires_at, "system:request_expiry")
    assert expired.program == PROGRAM


def test_the_timer_twice_is_one_event(matching: Hosted) -> None:
    relationship = overdue(matching)
    matching.hear()
    for _ in range(2):
        assert send_due(matching.runtime) == 1
    assert types(matching, relationship) == ["mentor_requested", "request_expired"]
    matching.hear()
    assert send_due(matching.runtime) == 0


def test_what_is_not_due_waits(matching: Hosted) -> None:
    now = clock.now()
    relationship = request(matching, GRACE, expires_at=now + HOUR, at=now)
    matching.hear()
    assert send_due(matching.runtime) == 0
    assert due(matching) == [relationship]


def test_an_answer_settles_it(matching: Hosted) -> None:
    now = clock.now()
    accepted = request(matching, GRACE, expires_at=now + HOUR, at=now)
    withdrawn = request(matching, BARBARA, expires_at=now + HOUR, at=now)
    matching.hear()
    assert set(due(matching)) == {accepted, withdrawn}
    matching.send(AcceptRequest(relationship_id=accepted, at=now), GRACE)
    matching.send(WithdrawRequest(relationship_id=withdrawn, at=now), ADA)
    matching.hear()
    assert due(matching) == []


def test_an_answer_that_the_timer_has_not_heard_of_stands(matching: Hosted) -> None:
    relationship = overdue(matching)
    matching.hear()
    matching.send(AcceptRequest(relationship_id=relationship, at=clock.now() - 1.5 * HOUR), GRACE)
    assert send_due(matching.runtime) == 1
    assert types(matching, relationship) == ["mentor_requested", "request_accepted"]


def test_while_the_timer_is_late_an_answer_is_too(matching: Hosted) -> None:
    relationship = overdue(matching)
    with pytest.raises(refusals.RequestExpired):
        matching.send(AcceptRequest(relationship_id=relationship, at=clock.now()), GRACE)


def test_an_expired_pair_may_try_again(matching: Hosted) -> None:
    overdue(matching)
    matching.hear()
    send_due(matching.runtime)
    overdue(matching)


def test_what_is_refused_keeps_nobody_waiting(matching: Hosted) -> None:
    long_ago = clock.now() - 24 * HOUR
    for _ in range(AT_ONCE + 1):
        unknown = MentorRequested(
            relationship_id=new_id(),
            program_id=PROGRAM,
            mentor_id=GRACE,
            mentee_id=ADA,
            message="In a stream that is no relationship's",
            expires_at=long_ago,
        )
        matching.told(unknown, program=PROGRAM)
    relationship = overdue(matching)
    matching.hear()
    assert send_due(matching.runtime) == AT_ONCE + 2
    assert types(matching, relationship) == ["mentor_requested", "request_expired"]


def test_while_the_log_is_down_the_timer_says_so_and_keeps_it_for_later(
    matching: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    relationship = overdue(matching)
    matching.hear()

    def down(names: Sequence[str]) -> NoReturn:
        raise Unavailable()

    with monkeypatch.context() as outage:
        outage.setattr(matching.log, "streams", down)
        with pytest.raises(Unavailable):
            send_due(matching.runtime)
    send_due(matching.runtime)
    assert types(matching, relationship) == ["mentor_requested", "request_expired"]

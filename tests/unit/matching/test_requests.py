"""From the first request to its answer."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.matching.commands import (
    AcceptRequest,
    AskForInformation,
    ConcludeRelationship,
    DeclineRequest,
    EndRelationship,
    ExpireRequest,
    GiveInformation,
    ProposeAgreement,
    WithdrawRequest,
)
from services.matching.domain import Enrolment, Known, refusals
from services.matching.domain.relationship import Question
from services.matching.events import (
    InformationGiven,
    InformationRequested,
    RequestDeclined,
    RequestExpired,
    RequestWithdrawn,
)
from shared.log import Take
from shared.messages import Command, Event
from shared.service import Asker
from tests.unit.matching.people import (
    ACCEPTED,
    ADA,
    BARBARA,
    DAY,
    ENROLLED,
    FRIDAY,
    GRACE,
    MONDAY,
    NEW,
    PENDING,
    PLACE,
    PROGRAM,
    RELEASE_PAIR,
    REQUESTED,
    TAKE_PAIR,
    TAKE_PLACE,
    TERMS,
    THEIRS,
    ask_for,
    by,
)

ACCEPT = AcceptRequest(relationship_id=THEIRS, at=MONDAY)
DECLINE = DeclineRequest(relationship_id=THEIRS, reason="I have no time", at=MONDAY)
ASK = AskForInformation(relationship_id=THEIRS, question="What have you built?", at=MONDAY)
ANSWER = GiveInformation(relationship_id=THEIRS, answer="An analytical engine", at=MONDAY)
WITHDRAW = WithdrawRequest(relationship_id=THEIRS, at=MONDAY)
EXPIRE = ExpireRequest(relationship_id=THEIRS, at=FRIDAY)
TIMER = by("system:request_expiry")

ASKED = InformationRequested(relationship_id=THEIRS, mentor_id=GRACE, question="What have you built?")
ANSWERED = InformationGiven(relationship_id=THEIRS, mentee_id=ADA, answer="An analytical engine")
DECLINED = RequestDeclined(relationship_id=THEIRS, mentor_id=GRACE, reason="I have no time")
WITHDRAWN = RequestWithdrawn(relationship_id=THEIRS)
EXPIRED = RequestExpired(relationship_id=THEIRS)


def test_ada_requests_grace_and_the_pair_is_taken() -> None:
    NEW.knowing(by(ADA)).when(ask_for(GRACE)).then(REQUESTED, TAKE_PAIR)


def test_the_same_relationship_is_not_requested_twice() -> None:
    PENDING.knowing(by(ADA)).when(ask_for(GRACE)).refuses(refusals.RelationshipExists)


def test_a_mentor_requests_nobody() -> None:
    NEW.knowing(by(GRACE)).when(ask_for(BARBARA)).refuses(refusals.MenteesOnly)


def test_nobody_mentors_themselves() -> None:
    NEW.knowing(by(GRACE)).when(ask_for(GRACE)).refuses(refusals.OwnMentor)
    NEW.knowing(by(ADA)).when(ask_for(ADA)).refuses(refusals.OwnMentor)


@pytest.mark.parametrize("asker", ["00000000-0000-4000-8000-000000000001", "anonymous", "system:some_policy"])
def test_a_programme_is_unknown_to_who_does_not_take_part(asker: str) -> None:
    NEW.knowing(by(asker)).when(ask_for(GRACE)).refuses(refusals.ProgramUnknown)


def test_roles_count_in_their_own_programme_only() -> None:
    elsewhere = uuid4()
    known = Known(Asker(str(ADA)), {**ENROLLED, (elsewhere, ADA): Enrolment("mentee", 0)})
    NEW.knowing(known).when(ask_for(GRACE, program=elsewhere)).refuses(refusals.MentorUnknown)


def test_a_mentor_must_be_one_in_the_programme() -> None:
    margaret = uuid4()
    NEW.knowing(by(ADA)).when(ask_for(margaret)).refuses(refusals.MentorUnknown)
    known = Known(Asker(str(ADA)), {**ENROLLED, (PROGRAM, margaret): Enrolment("mentee", 0)})
    NEW.knowing(known).when(ask_for(margaret)).refuses(refusals.MentorUnknown)


@pytest.mark.parametrize("after", [timedelta(0), -DAY, timedelta(days=90, microseconds=1)])
def test_a_request_lapses_after_it_is_made_and_within_90_days(after: timedelta) -> None:
    NEW.knowing(by(ADA)).when(ask_for(expires_at=MONDAY + after)).refuses(refusals.ExpiryOutOfRange)


def test_a_request_may_wait_for_90_days() -> None:
    result = NEW.knowing(by(ADA)).when(ask_for(expires_at=MONDAY + timedelta(days=90)))
    assert result.refusal is None


def test_a_request_waits_for_two_weeks_if_nothing_else_was_said() -> None:
    requested = REQUESTED.model_copy(update={"expires_at": MONDAY + timedelta(days=14)})
    NEW.knowing(by(ADA)).when(ask_for(expires_at=None)).then(requested, TAKE_PAIR)


def test_grace_accepts_and_one_of_her_places_is_taken() -> None:
    PENDING.knowing(by(GRACE)).when(ACCEPT).then(ACCEPTED, TAKE_PLACE)


def test_the_places_are_those_of_the_mentors_enrolment_in_this_programme() -> None:
    enrolled = {(PROGRAM, GRACE): Enrolment("mentor", 7), (uuid4(), GRACE): Enrolment("mentor", 1)}
    place = Take(PLACE, str(THEIRS), 7)
    PENDING.knowing(Known(Asker(str(GRACE)), enrolled)).when(ACCEPT).then(ACCEPTED, place)


def test_who_is_a_mentor_no_longer_cannot_accept() -> None:
    for enrolled in ({}, {(PROGRAM, GRACE): Enrolment("mentee", 0)}):
        PENDING.knowing(Known(Asker(str(GRACE)), enrolled)).when(ACCEPT).refuses(refusals.MentorUnknown)


def test_grace_declines_with_a_reason_and_the_pair_is_free_again() -> None:
    declined = PENDING.knowing(by(GRACE)).when(DECLINE).then(DECLINED, RELEASE_PAIR).state()
    assert (declined.status, declined.reason) == ("declined", "I have no time")


def test_ada_withdraws_and_the_pair_is_free_again() -> None:
    assert PENDING.knowing(by(ADA)).when(WITHDRAW).then(WITHDRAWN, RELEASE_PAIR).state().status == "withdrawn"


def test_grace_asks_and_ada_answers_before_she_accepts() -> None:
    asked = PENDING.knowing(by(GRACE)).when(ASK).then(ASKED)
    assert asked.state().status == "info_requested"
    answered = asked.knowing(by(ADA)).when(ANSWER).then(ANSWERED)
    assert answered.state().status == "proposed"
    assert answered.state().about.questions == (Question("What have you built?", "An analytical engine"),)
    answered.knowing(by(GRACE)).when(ACCEPT).then(ACCEPTED, TAKE_PLACE)


def test_grace_may_ask_again_once_she_has_her_answer() -> None:
    asked = PENDING.given(ASKED)
    asked.knowing(by(GRACE)).when(ASK).refuses(refusals.InformationAwaited)
    again = asked.given(ANSWERED).knowing(by(GRACE)).when(ASK).then(ASKED)
    assert [question.answer for question in again.state().about.questions] == ["An analytical engine", None]


def test_nobody_answers_what_was_not_asked() -> None:
    PENDING.knowing(by(ADA)).when(ANSWER).refuses(refusals.NothingAsked)


def test_a_request_can_be_decided_while_an_answer_is_awaited() -> None:
    asked = PENDING.given(ASKED)
    asked.knowing(by(GRACE)).when(ACCEPT).then(ACCEPTED, TAKE_PLACE)
    asked.knowing(by(GRACE)).when(DECLINE).then(DECLINED, RELEASE_PAIR)
    asked.knowing(by(ADA)).when(WITHDRAW).then(WITHDRAWN, RELEASE_PAIR)
    asked.knowing(TIMER).when(EXPIRE).then(EXPIRED, RELEASE_PAIR)


@pytest.mark.parametrize("command", [ACCEPT, DECLINE, ASK])
def test_only_the_mentor_answers_a_request(command: Command) -> None:
    PENDING.knowing(by(ADA)).when(command).refuses(refusals.MentorsOnly)


@pytest.mark.parametrize("command", [ANSWER, WITHDRAW])
def test_only_the_mentee_informs_or_withdraws(command: Command) -> None:
    PENDING.given(ASKED).knowing(by(GRACE)).when(command).refuses(refusals.MenteesOnly)


@pytest.mark.parametrize("command", [ACCEPT, DECLINE, ASK, ANSWER, WITHDRAW, EXPIRE])
@pytest.mark.parametrize("asker", [str(BARBARA), "anonymous"])
def test_a_request_is_unknown_to_everybody_else(command: Command, asker: str) -> None:
    PENDING.knowing(by(asker)).when(command).refuses(refusals.RelationshipUnknown)


@pytest.mark.parametrize("command", [ACCEPT, DECLINE, ASK, ANSWER, WITHDRAW, EXPIRE])
def test_what_was_never_requested_is_unknown(command: Command) -> None:
    NEW.knowing(by(GRACE)).when(command).refuses(refusals.RelationshipUnknown)
    NEW.knowing(TIMER).when(command).refuses(refusals.RelationshipUnknown)


@pytest.mark.parametrize("answer", [ACCEPTED, DECLINED, WITHDRAWN])
def test_a_request_is_decided_once(answer: Event) -> None:
    decided = PENDING.given(answer)
    for command in (ACCEPT, DECLINE, ASK):
        decided.knowing(by(GRACE)).when(command).refuses(refusals.RequestAlreadyDecided)
    for wish in (ANSWER, WITHDRAW):
        decided.knowing(by(ADA)).when(wish).refuses(refusals.RequestAlreadyDecided)


def test_the_timer_expires_what_is_due_and_the_pair_is_free_again() -> None:
    assert PENDING.knowing(TIMER).when(EXPIRE).then(EXPIRED, RELEASE_PAIR).state().status == "expired"


def test_the_timer_does_not_expire_what_is_not_due() -> None:
    early = ExpireRequest(relationship_id=THEIRS, at=FRIDAY - timedelta(microseconds=1))
    PENDING.knowing(TIMER).when(early).refuses(refusals.NotYetDue)


@pytest.mark.parametrize("answer", [ACCEPTED, DECLINED, WITHDRAWN, EXPIRED])
def test_the_timer_leaves_alone_what_is_answered(answer: Event) -> None:
    PENDING.given(answer).knowing(TIMER).when(EXPIRE).then()


def test_nobody_but_the_timer_expires_a_request() -> None:
    PENDING.knowing(by(ADA)).when(EXPIRE).refuses(refusals.TimerOnly)


@pytest.mark.parametrize(
    ("asker", "command"),
    [
        (GRACE, ACCEPT),
        (GRACE, DECLINE),
        (GRACE, ASK),
        (ADA, ANSWER),
        (ADA, WITHDRAW),
        (ADA, ProposeAgreement(relationship_id=THEIRS, terms=TERMS, at=MONDAY)),
        (ADA, EndRelationship(relationship_id=THEIRS, reason="No more", at=MONDAY)),
    ],
)
@pytest.mark.parametrize("history", [(), (ASKED,), (EXPIRED,)])
def test_an_overdue_request_counts_as_expired_though_the_timer_is_late(
    asker: UUID, command: Command, history: tuple[Event, ...]
) -> None:
    overdue = PENDING.given(*history).knowing(by(asker))
    assert overdue.when(command.model_copy(update={"at": FRIDAY})).refuses(refusals.RequestExpired).kind == "gone"


def test_a_request_can_be_accepted_until_the_last_moment() -> None:
    last = ACCEPT.model_copy(update={"at": FRIDAY - timedelta(microseconds=1)})
    PENDING.knowing(by(GRACE)).when(last).then(ACCEPTED, TAKE_PLACE)


def test_what_is_undecided_cannot_be_ended_or_agreed_on() -> None:
    for command in (
        ProposeAgreement(relationship_id=THEIRS, terms=TERMS, at=MONDAY),
        EndRelationship(relationship_id=THEIRS, reason="No more", at=MONDAY),
        ConcludeRelationship(relationship_id=THEIRS, at=MONDAY),
    ):
        PENDING.knowing(by(ADA)).when(command).refuses(refusals.RequestUndecided)

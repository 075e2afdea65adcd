"""The service at work: what it hears, what is taken across relationships, what it publishes."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.identity.events import EnrolmentErased, EnrolmentRevised, PersonEnrolled, PersonErased
from services.matching.commands import (
    AcceptRequest,
    ConcludeRelationship,
    DeclineRequest,
    DissolveRelationship,
    DissolveRelationships,
    EndRelationship,
    GiveClosingFeedback,
    ProposeAgreement,
    RequestMentor,
    SignAgreement,
    WithdrawRequest,
)
from services.matching.directory import ENROLMENTS
from services.matching.domain.refusals import (
    AlreadyRequested,
    MenteesOnly,
    MentorFull,
    MentorUnknown,
    PlatformOnly,
    ProgramUnknown,
)
from services.matching.domain.relationship import Begun, Nothing
from services.matching.service import RELATIONSHIP
from shared import clock
from shared.ids import new_id
from shared.messages import Command, Sealed
from tests.hosted import Hosted
from tests.unit.matching.conftest import enrolled
from tests.unit.matching.people import ADA, BARBARA, GRACE, MARY, PROGRAM, TERMS


def request(matching: Hosted, mentee: UUID, mentor: UUID) -> UUID:
    relationship, now = new_id(), clock.now()
    command = RequestMentor(
        relationship_id=relationship,
        program_id=PROGRAM,
        mentor_id=mentor,
        message="Will you teach me?",
        expires_at=now + timedelta(days=7),
        at=now,
    )
    matching.send(command, mentee, program=PROGRAM)
    return relationship


def accept(matching: Hosted, relationship: UUID, mentor: UUID) -> None:
    matching.send(AcceptRequest(relationship_id=relationship, at=clock.now()), mentor)


def state(matching: Hosted, relationship: UUID) -> Begun:
    state = matching.runtime.load(RELATIONSHIP, relationship)[0]
    assert not isinstance(state, Nothing)
    return state


def test_a_pair_has_one_open_request_or_relationship(matching: Hosted) -> None:
    relationship = request(matching, ADA, GRACE)
    with pytest.raises(AlreadyRequested):
        request(matching, ADA, GRACE)
    accept(matching, relationship, GRACE)
    with pytest.raises(AlreadyRequested):
        request(matching, ADA, GRACE)
    request(matching, ADA, BARBARA)


def test_after_a_no_the_pair_may_try_again(matching: Hosted) -> None:
    first = request(matching, ADA, GRACE)
    matching.send(DeclineRequest(relationship_id=first, reason="Not now", at=clock.now()), GRACE)
    second = request(matching, ADA, GRACE)
    matching.send(WithdrawRequest(relationship_id=second, at=clock.now()), ADA)
    third = request(matching, ADA, GRACE)
    accept(matching, third, GRACE)
    matching.send(EndRelationship(relationship_id=third, reason="Moved away", at=clock.now()), ADA)
    request(matching, ADA, GRACE)


def test_a_full_mentor_can_be_asked_but_not_accept(matching: Hosted) -> None:
    accept(matching, request(matching, ADA, GRACE), GRACE)
    marys = request(matching, MARY, GRACE)
    with pytest.raises(MentorFull):
        accept(matching, marys, GRACE)
    assert state(matching, marys).status == "proposed"


def test_a_place_is_free_again_when_a_relationship_ends(matching: Hosted) -> None:
    adas, marys = request(matching, ADA, GRACE), request(matching, MARY, GRACE)
    accept(matching, adas, GRACE)
    matching.send(EndRelationship(relationship_id=adas, reason="Moved away", at=clock.now()), GRACE)
    accept(matching, marys, GRACE)


def test_a_later_roster_gives_a_mentor_more_places(matching: Hosted) -> None:
    adas, marys = request(matching, ADA, GRACE), request(matching, MARY, GRACE)
    accept(matching, adas, GRACE)
    matching.told(enrolled(EnrolmentRevised, GRACE, "mentor", 2), program=PROGRAM)
    accept(matching, marys, GRACE)


def test_a_later_roster_changes_who_is_what(matching: Hosted) -> None:
    matching.told(enrolled(EnrolmentRevised, GRACE, "mentee", 0), program=PROGRAM)
    with pytest.raises(MentorUnknown):
        request(matching, ADA, GRACE)
    request(matching, GRACE, BARBARA)


def test_somebody_matching_has_not_heard_of_is_no_mentor(matching: Hosted) -> None:
    margaret = uuid4()
    with pytest.raises(MentorUnknown):
        request(matching, ADA, margaret)
    matching.told(enrolled(PersonEnrolled, margaret, "mentor", 1), program=PROGRAM)
    request(matching, ADA, margaret)
    with pytest.raises(MenteesOnly):
        request(matching, margaret, GRACE)


def test_the_directory_keeps_roles_and_places_and_nothing_personal(matching: Hosted) -> None:
    row = matching.runtime.reader.one(ENROLMENTS, PROGRAM, GRACE)
    assert row == {"program_id": PROGRAM, "person_id": GRACE, "role": "mentor", "capacity": 1}


def test_a_whole_relationship_is_one_stream_of_its_programme_and_subject(matching: Hosted) -> None:
    relationship, now = request(matching, ADA, GRACE), clock.now()
    accept(matching, relationship, GRACE)
    matching.send(ProposeAgreement(relationship_id=relationship, terms=TERMS, at=now), ADA)
    for person in (ADA, GRACE):
        matching.send(SignAgreement(relationship_id=relationship, number=1, at=now), person)
    matching.send(ConcludeRelationship(relationship_id=relationship, at=now), ADA)
    for person in (ADA, GRACE):
        feedback = GiveClosingFeedback(relationship_id=relationship, rating=5, comment="Thank you", at=now)
        matching.send(feedback, person)
    recorded = matching.log.of_subject(relationship)
    assert [one.type.removeprefix("matching.") for one in recorded] == [
        "mentor_requested",
        "request_accepted",
        "agreement_proposed",
        "agreement_signed",
        "agreement_signed",
        "relationship_activated",
        "conclusion_begun",
        "closing_feedback_given",
        "closing_feedback_given",
        "relationship_completed",
    ]
    assert {(one.stream, one.program) for one in recorded} == {(f"relationship-{relationship}", PROGRAM)}
    assert state(matching, relationship).status == "completed"
    request(matching, ADA, GRACE)


def test_what_people_wrote_lies_sealed_in_the_log_and_in_the_state(matching: Hosted) -> None:
    relationship = request(matching, ADA, GRACE)
    assert "teach" not in matching.log.of_subject(relationship)[0].data
    message = state(matching, relationship).about.message
    assert isinstance(message, Sealed)
    assert matching.vault.reveal(message) == "Will you teach me?"


def test_what_an_erased_person_has_begun_ends_and_the_mentors_place_is_free(matching: Hosted) -> None:
    """Also what was asked for in the very batch in which matching hears of it."""
    live, over = request(matching, ADA, GRACE), request(matching, MARY, BARBARA)
    accept(matching, live, GRACE)
    matching.send(WithdrawRequest(relationship_id=over, at=clock.now()), MARY)
    matching.hear()
    pending = request(matching, ADA, BARBARA)
    matching.told(PersonErased(person_id=ADA, erased_by=ADA, reason="own_wish", programs=(PROGRAM,)))
    matching.hear()
    assert [state(matching, one).status for one in (live, pending, over)] == ["ended", "ended", "withdrawn"]
    accept(matching, request(matching, MARY, GRACE), GRACE)
    head = matching.log.head().position
    matching.told(PersonErased(person_id=ADA, erased_by=ADA, reason="own_wish", programs=(PROGRAM,)))
    assert matching.log.head().position == head + 1


def test_nobody_asks_or_is_asked_whose_enrolment_was_erased(matching: Hosted) -> None:
    for person in (ADA, GRACE):
        erased = EnrolmentErased(enrolment_id=new_id(), program_id=PROGRAM, person_id=person)
        matching.told(erased, program=PROGRAM)
    with pytest.raises(ProgramUnknown):
        request(matching, ADA, BARBARA)
    with pytest.raises(MentorUnknown):
        request(matching, MARY, GRACE)


def test_only_the_platform_dissolves_relationships(matching: Hosted) -> None:
    relationship = request(matching, ADA, GRACE)
    commands: list[Command] = [
        DissolveRelationships(person_id=ADA, at=clock.now()),
        DissolveRelationship(relationship_id=relationship, erased_id=ADA, at=clock.now()),
    ]
    for command in commands:
        with pytest.raises(PlatformOnly):
            matching.send(command, GRACE)

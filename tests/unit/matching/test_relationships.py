"""From the first proposal to the end."""

from uuid import UUID

import pytest

from services.matching.commands import (
    AcceptRequest,
    ConcludeRelationship,
    EndRelationship,
    GiveClosingFeedback,
    PauseRelationship,
    ProposeAgreement,
    ResumeRelationship,
    SignAgreement,
)
from services.matching.domain import refusals
from services.matching.domain.relationship import Feedback
from services.matching.events import (
    AgreementCountered,
    AgreementProposed,
    AgreementSigned,
    ClosingFeedbackGiven,
    ConclusionBegun,
    RelationshipCompleted,
    RelationshipEnded,
    RelationshipPaused,
    RelationshipResumed,
    RequestDeclined,
)
from shared.messages import Command
from tests.scenario import Scenario
from tests.unit.matching.people import (
    ACTIVATED,
    ACTIVE,
    ADA,
    ADA_SIGNED,
    AGREEING,
    BARBARA,
    GRACE,
    GRACE_SIGNED,
    MONDAY,
    NEW,
    OTHER_TERMS,
    PENDING,
    PROPOSED,
    RELEASE_PAIR,
    RELEASE_PLACE,
    TERMS,
    THEIRS,
    by,
)

PROPOSE = ProposeAgreement(relationship_id=THEIRS, terms=TERMS, at=MONDAY)
PROPOSE_OTHER = ProposeAgreement(relationship_id=THEIRS, terms=OTHER_TERMS, at=MONDAY)
PAUSE = PauseRelationship(relationship_id=THEIRS, reason="Holidays", at=MONDAY)
RESUME = ResumeRelationship(relationship_id=THEIRS, at=MONDAY)
CONCLUDE = ConcludeRelationship(relationship_id=THEIRS, at=MONDAY)
FEEDBACK = GiveClosingFeedback(relationship_id=THEIRS, rating=5, comment="Thank you", at=MONDAY)
END = EndRelationship(relationship_id=THEIRS, reason="I am moving away", at=MONDAY)

COUNTERED = AgreementCountered(relationship_id=THEIRS, number=2, proposed_by=GRACE, **OTHER_TERMS.model_dump())
PAUSED = RelationshipPaused(relationship_id=THEIRS, paused_by=ADA, reason="Holidays")
CONCLUDING = ConclusionBegun(relationship_id=THEIRS, begun_by=GRACE)
COMPLETED = RelationshipCompleted(relationship_id=THEIRS)

PROPOSED_TO_GRACE = AGREEING.given(PROPOSED)


def sign(number: int) -> SignAgreement:
    return SignAgreement(relationship_id=THEIRS, number=number, at=MONDAY)


def feedback_of(person: UUID) -> ClosingFeedbackGiven:
    return ClosingFeedbackGiven(relationship_id=THEIRS, given_by=person, rating=5, comment="Thank you")


def ended_by(person: UUID) -> RelationshipEnded:
    return RelationshipEnded(relationship_id=THEIRS, ended_by=person, reason="I am moving away")


def test_either_of_the_two_makes_the_first_proposal() -> None:
    AGREEING.knowing(by(ADA)).when(PROPOSE).then(PROPOSED)
    by_grace = PROPOSED.model_copy(update={"proposed_by": GRACE})
    AGREEING.knowing(by(GRACE)).when(PROPOSE).then(by_grace)


def test_the_other_counters_and_the_number_goes_up() -> None:
    countered = PROPOSED_TO_GRACE.knowing(by(GRACE)).when(PROPOSE_OTHER).then(COUNTERED)
    assert [proposal.number for proposal in countered.state().about.proposals] == [1, 2]


def test_a_counter_voids_signatures_the_counterers_own_too() -> None:
    for signed in (ADA_SIGNED, GRACE_SIGNED):
        countered = PROPOSED_TO_GRACE.given(signed).knowing(by(GRACE)).when(PROPOSE_OTHER).then(COUNTERED)
        assert countered.state().about.proposals[-1].signed_by == ()


def test_who_proposed_may_improve_it_while_the_other_has_not_signed() -> None:
    improved = AgreementProposed(relationship_id=THEIRS, number=2, proposed_by=ADA, **OTHER_TERMS.model_dump())
    for history in ((), (ADA_SIGNED,)):
        again = PROPOSED_TO_GRACE.given(*history).knowing(by(ADA)).when(PROPOSE_OTHER).then(improved)
        assert again.state().about.proposals[-1].signed_by == ()


def test_who_proposed_may_not_change_what_the_other_has_signed() -> None:
    PROPOSED_TO_GRACE.given(GRACE_SIGNED).knowing(by(ADA)).when(PROPOSE_OTHER).refuses(refusals.AgreementHalfSigned)


def test_one_signature_is_not_enough() -> None:
    signed = PROPOSED_TO_GRACE.knowing(by(ADA)).when(sign(1)).then(ADA_SIGNED)
    assert signed.state().status == "accepted"
    assert signed.state().about.agreement is None


def test_the_second_signature_activates_the_relationship() -> None:
    active = PROPOSED_TO_GRACE.given(ADA_SIGNED).knowing(by(GRACE)).when(sign(1)).then(GRACE_SIGNED, ACTIVATED)
    assert active.state().status == "active"
    assert active.state().about.agreement.signed_by == (ADA, GRACE)


def test_signing_again_changes_nothing() -> None:
    PROPOSED_TO_GRACE.given(ADA_SIGNED).knowing(by(ADA)).when(sign(1)).then()


def test_a_replaced_proposal_cannot_be_signed() -> None:
    refusal = PROPOSED_TO_GRACE.given(COUNTERED).knowing(by(ADA)).when(sign(1)).refuses(refusals.AgreementReplaced)
    assert (refusal.kind, refusal.code, refusal.facts) == ("conflict", "agreement_replaced", {"latest": 2})
    signed = AgreementSigned(relationship_id=THEIRS, number=2, signed_by=ADA)
    PROPOSED_TO_GRACE.given(COUNTERED).knowing(by(ADA)).when(sign(2)).then(signed)


def test_there_must_be_a_proposal_to_sign() -> None:
    AGREEING.knowing(by(ADA)).when(sign(1)).refuses(refusals.NothingProposed)


def test_an_agreement_that_both_signed_stands() -> None:
    for command in (PROPOSE, sign(1)):
        ACTIVE.knowing(by(ADA)).when(command).refuses(refusals.AgreementSettled)


def test_either_pauses_and_either_resumes() -> None:
    paused = ACTIVE.knowing(by(ADA)).when(PAUSE).then(PAUSED)
    assert (paused.state().status, paused.state().paused_by, paused.state().reason) == ("paused", ADA, "Holidays")
    paused.knowing(by(ADA)).when(PAUSE).refuses(refusals.NotActive)
    resumed = RelationshipResumed(relationship_id=THEIRS, resumed_by=GRACE)
    assert paused.knowing(by(GRACE)).when(RESUME).then(resumed).state().status == "active"


def test_what_is_not_paused_cannot_be_resumed() -> None:
    ACTIVE.knowing(by(ADA)).when(RESUME).refuses(refusals.NotPaused)


def test_only_an_active_relationship_is_paused_or_concluded() -> None:
    for scenario in (AGREEING, ACTIVE.given(PAUSED), ACTIVE.given(CONCLUDING)):
        for command in (PAUSE, CONCLUDE):
            scenario.knowing(by(ADA)).when(command).refuses(refusals.NotActive)


def test_either_begins_the_conclusion_and_both_give_their_feedback() -> None:
    concluding = ACTIVE.knowing(by(GRACE)).when(CONCLUDE).then(CONCLUDING)
    assert (concluding.state().status, concluding.state().begun_by) == ("concluding", GRACE)
    half = concluding.knowing(by(ADA)).when(FEEDBACK).then(feedback_of(ADA))
    assert half.state().status == "concluding"
    done = half.knowing(by(GRACE)).when(FEEDBACK).then(feedback_of(GRACE), COMPLETED, RELEASE_PAIR, RELEASE_PLACE)
    assert done.state().status == "completed"
    assert done.state().about.feedback == (Feedback(ADA, 5, "Thank you"), Feedback(GRACE, 5, "Thank you"))


def test_feedback_is_given_once() -> None:
    half = ACTIVE.given(CONCLUDING, feedback_of(ADA))
    half.knowing(by(ADA)).when(FEEDBACK).refuses(refusals.FeedbackAlreadyGiven)


def test_feedback_is_given_when_it_is_time() -> None:
    for scenario in (AGREEING, ACTIVE, ACTIVE.given(PAUSED)):
        scenario.knowing(by(ADA)).when(FEEDBACK).refuses(refusals.NotConcluding)


@pytest.mark.parametrize("before", [AGREEING, ACTIVE, ACTIVE.given(PAUSED), ACTIVE.given(CONCLUDING)])
@pytest.mark.parametrize("person", [ADA, GRACE])
def test_either_ends_what_was_accepted_and_pair_and_place_are_free_again(before: Scenario, person: UUID) -> None:
    ended = before.knowing(by(person)).when(END).then(ended_by(person), RELEASE_PAIR, RELEASE_PLACE).state()
    assert (ended.status, ended.ended_by, ended.reason) == ("ended", person, "I am moving away")


@pytest.mark.parametrize("command", [PROPOSE, sign(1), PAUSE, RESUME, CONCLUDE, FEEDBACK, END])
@pytest.mark.parametrize(
    "over",
    [
        ACTIVE.given(CONCLUDING, feedback_of(ADA), feedback_of(GRACE), COMPLETED),
        ACTIVE.given(ended_by(ADA)),
        PENDING.given(RequestDeclined(relationship_id=THEIRS, mentor_id=GRACE, reason="No time")),
    ],
)
def test_what_is_over_stays_over(command: Command, over: Scenario) -> None:
    over.knowing(by(ADA)).when(command).refuses(refusals.RelationshipOver)


@pytest.mark.parametrize("command", [PROPOSE, sign(1), PAUSE, RESUME, CONCLUDE, FEEDBACK, END])
@pytest.mark.parametrize("asker", [str(BARBARA), "anonymous", "system:some_policy"])
def test_a_relationship_is_unknown_to_everybody_else(command: Command, asker: str) -> None:
    ACTIVE.knowing(by(asker)).when(command).refuses(refusals.RelationshipUnknown)


@pytest.mark.parametrize("command", [PROPOSE, sign(1), PAUSE, RESUME, CONCLUDE, FEEDBACK, END])
def test_what_never_began_is_unknown(command: Command) -> None:
    NEW.knowing(by(ADA)).when(command).refuses(refusals.RelationshipUnknown)


def test_an_accepted_request_is_not_overdue_later() -> None:
    later = MONDAY.replace(year=2028)
    ACTIVE.knowing(by(ADA)).when(PAUSE.model_copy(update={"at": later})).then(PAUSED)
    late = AcceptRequest(relationship_id=THEIRS, at=later)
    ACTIVE.knowing(by(GRACE)).when(late).refuses(refusals.RequestAlreadyDecided)

"""What may be done to a relationship, by whom and when. An overdue request counts as expired, timer or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar, assert_never
from uuid import UUID

from services.matching.commands import (
    AcceptRequest,
    AskForInformation,
    ConcludeRelationship,
    DeclineRequest,
    DissolveRelationship,
    EndRelationship,
    ExpireRequest,
    GiveClosingFeedback,
    GiveInformation,
    PauseRelationship,
    ProposeAgreement,
    RequestMentor,
    ResumeRelationship,
    SignAgreement,
    WithdrawRequest,
)
from services.matching.domain import refusals
from services.matching.domain.relationship import (
    Accepted,
    Active,
    Begun,
    Concluding,
    Expired,
    InfoRequested,
    Live,
    Nothing,
    Over,
    Paused,
    Pending,
    Relationship,
    State,
)
from services.matching.events import (
    AgreementCountered,
    AgreementProposed,
    AgreementSigned,
    ClosingFeedbackGiven,
    ConclusionBegun,
    InformationGiven,
    InformationRequested,
    MentorRequested,
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipDissolved,
    RelationshipEnded,
    RelationshipPaused,
    RelationshipResumed,
    RequestAccepted,
    RequestDeclined,
    RequestExpired,
    RequestWithdrawn,
)
from shared.log import Release, Take
from shared.refusals import Refusal
from shared.service import Asker, Outcome

USUAL_WAIT = timedelta(days=14)
LONGEST_WAIT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`capacity` is how many mentees a mentor takes at once."""

    role: Literal["mentor", "mentee"]
    capacity: int


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, and how those concerned are enrolled: (programme, person) → enrolment."""

    asker: Asker
    enrolled: Mapping[tuple[UUID, UUID], Enrolment] = field(default_factory=dict)


Wish = (
    RequestMentor
    | AcceptRequest
    | DeclineRequest
    | AskForInformation
    | GiveInformation
    | WithdrawRequest
    | ExpireRequest
    | ProposeAgreement
    | SignAgreement
    | PauseRelationship
    | ResumeRelationship
    | ConcludeRelationship
    | GiveClosingFeedback
    | EndRelationship
    | DissolveRelationship
)

K = TypeVar("K", bound=Live)


def decide(command: Wish, state: State, known: Known) -> Outcome:
    if isinstance(command, RequestMentor):
        return _request(command, state, known)
    if isinstance(state, Nothing):
        raise refusals.RelationshipUnknown()
    if isinstance(command, ExpireRequest):
        return _expire(command, state, known.asker)
    if isinstance(command, DissolveRelationship):
        return _dissolve(command, state, known.asker)
    me = _party(state.about, known.asker)
    state = _lapsed(state, command.at)
    match command:
        case AcceptRequest():
            return _accept(state, me, known)
        case DeclineRequest():
            return _decline(command, state, me)
        case AskForInformation():
            return _ask(command, state, me)
        case GiveInformation():
            return _inform(command, state, me)
        case WithdrawRequest():
            return _withdraw(state, me)
        case ProposeAgreement():
            return _propose(command, state, me)
        case SignAgreement():
            return _sign(command, state, me)
        case PauseRelationship():
            return _pause(command, state, me)
        case ResumeRelationship():
            return _resume(state, me)
        case ConcludeRelationship():
            return _conclude(state, me)
        case GiveClosingFeedback():
            return _give_feedback(command, state, me)
        case EndRelationship():
            return _end(command, state, me)
        case _:
            assert_never(command)


def _request(command: RequestMentor, state: State, known: Known) -> Outcome:
    if not isinstance(state, Nothing):
        raise refusals.RelationshipExists()
    me = known.asker.person
    mine = known.enrolled.get((command.program_id, me)) if me else None
    if me is None or mine is None:
        raise refusals.ProgramUnknown()
    if command.mentor_id == me:
        raise refusals.OwnMentor()
    if mine.role != "mentee":
        raise refusals.MenteesOnly()
    mentor = known.enrolled.get((command.program_id, command.mentor_id))
    if mentor is None or mentor.role != "mentor":
        raise refusals.MentorUnknown()
    expires_at = command.expires_at or command.at + USUAL_WAIT
    if not command.at < expires_at <= command.at + LONGEST_WAIT:
        raise refusals.ExpiryOutOfRange()
    requested = MentorRequested(
        relationship_id=command.relationship_id,
        program_id=command.program_id,
        mentor_id=command.mentor_id,
        mentee_id=me,
        message=command.message,
        expires_at=expires_at,
    )
    pair = _pair(command.program_id, command.mentor_id, me)
    return [requested, Take(pair, str(command.relationship_id))]


def _expire(command: ExpireRequest, state: Begun, asker: Asker) -> Outcome:
    if not asker.is_system:
        _party(state.about, asker)
        raise refusals.TimerOnly()
    if not isinstance(state, Pending):
        return []
    if command.at < state.about.expires_at:
        raise refusals.NotYetDue(expires_at=state.about.expires_at.isoformat())
    return [RequestExpired(relationship_id=state.about.relationship_id), _release_pair(state.about)]


def _dissolve(command: DissolveRelationship, state: Begun, asker: Asker) -> Outcome:
    """Nobody's wish, and nobody's words: the one it happens for can no longer say any."""
    if not asker.is_system:
        _party(state.about, asker)
        raise refusals.PlatformOnly()
    if isinstance(state, Over):
        return []
    dissolved = RelationshipDissolved(relationship_id=command.relationship_id, erased_id=command.erased_id)
    return [dissolved, *_release_all(state.about)]


def _accept(state: Begun, me: UUID, known: Known) -> Outcome:
    about = _of_mentor(_pending(state), me)
    enrolment = known.enrolled.get((about.program_id, me))
    if enrolment is None or enrolment.role != "mentor":
        raise refusals.MentorUnknown()
    place = Take(_capacity(about), str(about.relationship_id), enrolment.capacity)
    return [
        RequestAccepted(relationship_id=about.relationship_id, mentor_id=about.mentor_id, mentee_id=about.mentee_id),
        place,
    ]


def _decline(command: DeclineRequest, state: Begun, me: UUID) -> Outcome:
    about = _of_mentor(_pending(state), me)
    return [
        RequestDeclined(relationship_id=about.relationship_id, mentor_id=me, reason=command.reason),
        _release_pair(about),
    ]


def _ask(command: AskForInformation, state: Begun, me: UUID) -> Outcome:
    about = _of_mentor(_pending(state), me)
    if isinstance(state, InfoRequested):
        raise refusals.InformationAwaited()
    return [InformationRequested(relationship_id=about.relationship_id, mentor_id=me, question=command.question)]


def _inform(command: GiveInformation, state: Begun, me: UUID) -> Outcome:
    about = _of_mentee(_pending(state), me)
    if not isinstance(state, InfoRequested):
        raise refusals.NothingAsked()
    return [InformationGiven(relationship_id=about.relationship_id, mentee_id=me, answer=command.answer)]


def _withdraw(state: Begun, me: UUID) -> Outcome:
    about = _of_mentee(_pending(state), me)
    return [RequestWithdrawn(relationship_id=about.relationship_id), _release_pair(about)]


def _propose(command: ProposeAgreement, state: Begun, me: UUID) -> Outcome:
    """Whoever answers the other's proposal counters it; whoever improves their own may until the other has signed."""
    about = _in(state, Accepted, refusals.AgreementSettled)
    latest = about.proposals[-1] if about.proposals else None
    countering = latest is not None and latest.proposed_by != me
    if latest and not countering and set(latest.signed_by) - {me}:
        raise refusals.AgreementHalfSigned(number=latest.number)
    kind = AgreementCountered if countering else AgreementProposed
    number = latest.number + 1 if latest else 1
    terms = command.terms.model_dump()
    return [kind(relationship_id=about.relationship_id, number=number, proposed_by=me, **terms)]


def _sign(command: SignAgreement, state: Begun, me: UUID) -> Outcome:
    """The second signature activates the relationship; signing again changes nothing."""
    about = _in(state, Accepted, refusals.AgreementSettled)
    if not about.proposals:
        raise refusals.NothingProposed()
    latest = about.proposals[-1]
    if command.number != latest.number:
        raise refusals.AgreementReplaced(latest=latest.number)
    if me in latest.signed_by:
        return []
    signed = AgreementSigned(relationship_id=about.relationship_id, number=latest.number, signed_by=me)
    if not latest.signed_by:
        return [signed]
    return [
        signed,
        RelationshipActivated(
            relationship_id=about.relationship_id, mentor_id=about.mentor_id, mentee_id=about.mentee_id
        ),
    ]


def _pause(command: PauseRelationship, state: Begun, me: UUID) -> Outcome:
    about = _in(state, Active, refusals.NotActive)
    return [RelationshipPaused(relationship_id=about.relationship_id, paused_by=me, reason=command.reason)]


def _resume(state: Begun, me: UUID) -> Outcome:
    about = _in(state, Paused, refusals.NotPaused)
    return [RelationshipResumed(relationship_id=about.relationship_id, resumed_by=me)]


def _conclude(state: Begun, me: UUID) -> Outcome:
    about = _in(state, Active, refusals.NotActive)
    return [ConclusionBegun(relationship_id=about.relationship_id, begun_by=me)]


def _give_feedback(command: GiveClosingFeedback, state: Begun, me: UUID) -> Outcome:
    """The second one completes the relationship."""
    about = _in(state, Concluding, refusals.NotConcluding)
    if any(feedback.given_by == me for feedback in about.feedback):
        raise refusals.FeedbackAlreadyGiven()
    given = ClosingFeedbackGiven(
        relationship_id=about.relationship_id, given_by=me, rating=command.rating, comment=command.comment
    )
    if not about.feedback:
        return [given]
    return [given, RelationshipCompleted(relationship_id=about.relationship_id), *_release_all(about)]


def _end(command: EndRelationship, state: Begun, me: UUID) -> Outcome:
    about = _live(state)
    return [
        RelationshipEnded(relationship_id=about.relationship_id, ended_by=me, reason=command.reason),
        *_release_all(about),
    ]


def _party(about: Relationship, asker: Asker) -> UUID:
    if asker.person is None or asker.person not in about.parties:
        raise refusals.RelationshipUnknown()
    return asker.person


def _of_mentor(about: Relationship, me: UUID) -> Relationship:
    if me != about.mentor_id:
        raise refusals.MentorsOnly()
    return about


def _of_mentee(about: Relationship, me: UUID) -> Relationship:
    if me != about.mentee_id:
        raise refusals.MenteesOnly()
    return about


def _lapsed(state: Begun, at: datetime) -> Begun:
    overdue = isinstance(state, Pending) and at >= state.about.expires_at
    return Expired(state.about) if overdue else state


def _pending(state: Begun) -> Relationship:
    if isinstance(state, Expired):
        raise refusals.RequestExpired()
    if not isinstance(state, Pending):
        raise refusals.RequestAlreadyDecided(status=state.status)
    return state.about


def _live(state: Begun) -> Relationship:
    if isinstance(state, Expired):
        raise refusals.RequestExpired()
    if isinstance(state, Pending):
        raise refusals.RequestUndecided(status=state.status)
    if isinstance(state, Over):
        raise refusals.RelationshipOver(status=state.status)
    return state.about


def _in(state: Begun, needed: type[K], otherwise: type[Refusal]) -> Relationship:
    about = _live(state)
    if not isinstance(state, needed):
        raise otherwise(status=state.status)
    return about


def _pair(program: UUID, mentor: UUID, mentee: UUID) -> str:
    return f"pair:{program}:{mentor}:{mentee}"


def _capacity(about: Relationship) -> str:
    return f"capacity:{about.program_id}:{about.mentor_id}"


def _release_pair(about: Relationship) -> Release:
    return Release(_pair(about.program_id, about.mentor_id, about.mentee_id), str(about.relationship_id))


def _release_all(about: Relationship) -> list[Release]:
    return [_release_pair(about), Release(_capacity(about), str(about.relationship_id))]

"""Why matching says no."""

from shared.refusals import Conflict, Forbidden, Gone, Invalid, NotFound


class RelationshipUnknown(NotFound):
    """There is no such relationship."""


class ProgramUnknown(NotFound):
    """There is no such programme."""


class MentorUnknown(NotFound):
    """There is no such mentor in this programme."""


class OwnMentor(Invalid):
    """Nobody mentors themselves."""


class ExpiryOutOfRange(Invalid):
    """A request lapses after it is made, and within 90 days."""


class MenteesOnly(Forbidden):
    """Only the mentee may do this."""


class MentorsOnly(Forbidden):
    """Only the mentor may do this."""


class TimerOnly(Forbidden):
    """A request lapses by itself, when its time is over."""


class PlatformOnly(Forbidden):
    """Only the platform itself does this."""


class RelationshipExists(Conflict):
    """There is a relationship with this id already."""


class AlreadyRequested(Conflict):
    """These two have an open request or a relationship already."""


class MentorFull(Conflict):
    """This mentor has no free place."""


class RequestExpired(Gone):
    """This request was not answered in time."""


class NotYetDue(Conflict):
    """This request's time is not over."""


class RequestAlreadyDecided(Conflict):
    """This request has its answer already."""


class RequestUndecided(Conflict):
    """This request has no answer yet."""


class InformationAwaited(Conflict):
    """The mentee has not yet answered the last question."""


class NothingAsked(Conflict):
    """There is no question to answer."""


class NothingProposed(Conflict):
    """There is no proposal to sign."""


class AgreementReplaced(Conflict):
    """Another proposal has taken the place of this one."""


class AgreementHalfSigned(Conflict):
    """The other has signed this proposal: sign it, or let them take it back."""


class AgreementSettled(Conflict):
    """Both have signed: the agreement stands."""


class NotActive(Conflict):
    """The relationship is not active."""


class NotPaused(Conflict):
    """The relationship is not paused."""


class NotConcluding(Conflict):
    """The relationship is not being concluded."""


class FeedbackAlreadyGiven(Conflict):
    """You have given your closing feedback."""


class RelationshipOver(Conflict):
    """This relationship is over."""

"""A person: registered by the platform, invited by a coordinator, and then able to sign in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from services.identity.commands import (
    AcceptInvitation,
    AppointCoordinator,
    EraseAccount,
    ErasePerson,
    InvitePerson,
    RegisterPerson,
)
from services.identity.domain.program import Program, coordinated
from services.identity.events import (
    CoordinatorAppointed,
    CredentialIssued,
    InvitationAccepted,
    PersonErased,
    PersonInvited,
    PersonRegistered,
)
from shared.log import Release, Take
from shared.refusals import Conflict, Forbidden, Gone, Invalid, NotFound
from shared.service import Asker, Outcome

GOOD_FOR = timedelta(days=14)


class PlatformOnly(Forbidden):
    """Only the platform itself does this."""


class PersonUnknown(NotFound):
    """There is no such person in this programme."""


class AlreadySignedUp(Conflict):
    """This person has signed up already and needs no invitation."""


class ExpiryPassed(Invalid):
    """The invitation would be over before it is made."""


class InvitationUnknown(NotFound):
    """This is not an invitation of ours."""


class InvitationVoid(Gone):
    """A newer invitation has replaced this one."""


class InvitationExpired(Gone):
    """This invitation is over: ask for a new one."""


class InvitationUsed(Gone):
    """This invitation has been used: sign in instead."""


class EmailTaken(Conflict):
    """Somebody signs in with this e-mail already."""


class OwnAccountOnly(Forbidden):
    """Everybody may erase their own account and no other."""


class CoordinatorStays(Conflict):
    """The programmes of this coordinator would be without one."""


@dataclass(frozen=True)
class Stranger:
    pass


@dataclass(frozen=True)
class Invitation:
    invitation_id: UUID
    expires_at: datetime


@dataclass(frozen=True)
class Registered:
    """Known, but with nothing to sign in with."""

    invitation: Invitation | None = None
    coordinator: bool = False


@dataclass(frozen=True)
class Member:
    """Signs in with the credential of this id and no other. A `coordinator` may create programmes."""

    credential_id: UUID
    coordinator: bool = False


@dataclass(frozen=True)
class Erased:
    """Nothing is known of this person any more, and nothing will be."""


Person = Stranger | Registered | Member | Erased
PersonEvent = (
    PersonRegistered | CoordinatorAppointed | CredentialIssued | PersonInvited | InvitationAccepted | PersonErased
)


@dataclass(frozen=True)
class Inviter:
    """Who invites, in which programme, and whether the person is `enrolled` in it."""

    asker: Asker
    program: Program
    enrolled: bool


@dataclass(frozen=True)
class NewCredential:
    """What somebody will sign in with. `email_key` stands for the e-mail among the log's claims."""

    credential_id: UUID
    email_key: str


@dataclass(frozen=True)
class Invitee:
    """Somebody who shows a genuine invitation, now."""

    person_id: UUID
    invitation_id: UUID
    now: datetime
    credential: NewCredential


@dataclass(frozen=True)
class Appointer:
    asker: Asker
    credential: NewCredential


@dataclass(frozen=True)
class Eraser:
    """Somebody who may erase this person, who is enrolled in these `programs`.

    `email_key` stands for the person's e-mail among the log's claims, where they have signed up.
    """

    asker: Asker
    programs: tuple[UUID, ...]
    email_key: str | None


Known = Asker | Inviter | Invitee | Appointer | Eraser
Wish = RegisterPerson | AppointCoordinator | InvitePerson | AcceptInvitation | EraseAccount | ErasePerson


def evolve(state: Person, event: PersonEvent) -> Person:
    if isinstance(state, Erased):
        return state
    before = Registered() if isinstance(state, Stranger) else state
    match event:
        case PersonRegistered():
            return before
        case CoordinatorAppointed():
            return replace(before, coordinator=True)
        case PersonInvited():
            return Registered(Invitation(event.invitation_id, event.expires_at), before.coordinator)
        case CredentialIssued() | InvitationAccepted():
            return Member(event.credential_id, before.coordinator)
        case PersonErased():
            return Erased()
        case _:
            assert_never(event)


def decide(command: Wish, state: Person, known: Known) -> Outcome:
    match command, known:
        case RegisterPerson(), Asker():
            return _register(command, state, known)
        case AppointCoordinator(), Appointer():
            return _appoint(command, state, known)
        case InvitePerson(), Inviter():
            return _invite(command, state, known)
        case AcceptInvitation(), Invitee():
            return _accept(command, state, known)
        case EraseAccount() | ErasePerson(), Eraser():
            return _erase(command, state, known)
    raise AssertionError(command)


def _register(command: RegisterPerson, state: Person, asker: Asker) -> Outcome:
    if not asker.is_system:
        raise PlatformOnly()
    return [PersonRegistered(person_id=command.person_id)] if isinstance(state, Stranger) else []


def _appoint(command: AppointCoordinator, state: Person, appointer: Appointer) -> Outcome:
    if not appointer.asker.is_system:
        raise PlatformOnly()
    person_id, credential = command.person_id, appointer.credential
    appointed = CoordinatorAppointed(person_id=person_id)
    if isinstance(state, Erased):
        return []
    if isinstance(state, Member):
        return [] if state.coordinator else [appointed]
    return [
        *([PersonRegistered(person_id=person_id)] if isinstance(state, Stranger) else []),
        appointed,
        CredentialIssued(person_id=person_id, credential_id=credential.credential_id, email=command.email),
        Take(credential.email_key, str(person_id)),
    ]


def _invite(command: InvitePerson, state: Person, inviter: Inviter) -> Outcome:
    coordinated(inviter.program, inviter.asker)
    if not inviter.enrolled or isinstance(state, Erased):
        raise PersonUnknown()
    if isinstance(state, Member):
        raise AlreadySignedUp()
    expires_at = command.expires_at or command.at + GOOD_FOR
    if expires_at <= command.at:
        raise ExpiryPassed()
    return [
        PersonInvited(
            person_id=command.person_id,
            program_id=command.program_id,
            invitation_id=command.invitation_id,
            expires_at=expires_at,
        )
    ]


def _accept(command: AcceptInvitation, state: Person, invitee: Invitee) -> Outcome:
    _require_good(state, invitee)
    return [
        InvitationAccepted(
            person_id=invitee.person_id,
            invitation_id=invitee.invitation_id,
            credential_id=invitee.credential.credential_id,
            email=command.email,
            display_name=command.display_name,
        ),
        Take(invitee.credential.email_key, str(invitee.person_id)),
    ]


def _require_good(state: Person, invitee: Invitee) -> None:
    match state:
        case Registered(invitation=Invitation() as invitation):
            if invitation.invitation_id != invitee.invitation_id:
                raise InvitationVoid()
            if invitation.expires_at <= invitee.now:
                raise InvitationExpired()
        case Member():
            raise InvitationUsed()
        case Stranger() | Registered() | Erased():
            raise InvitationUnknown()
        case _:
            assert_never(state)


def _erase(command: EraseAccount | ErasePerson, state: Person, eraser: Eraser) -> Outcome:
    """The e-mail is free again, for whoever it belongs to then. Erasing somebody again changes nothing."""
    if isinstance(state, Erased):
        return []
    if isinstance(state, Stranger) or eraser.asker.person is None:
        raise PersonUnknown()
    if state.coordinator:
        raise CoordinatorStays()
    erased = PersonErased(
        person_id=command.person_id,
        erased_by=eraser.asker.person,
        reason=command.reason if isinstance(command, ErasePerson) else "own_wish",
        programs=eraser.programs,
    )
    return [erased, *([Release(eraser.email_key, str(command.person_id))] if eraser.email_key else [])]

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.identity.adapters.keyring import Keyring
from services.identity.aggregates import PERSON
from services.identity.commands import AcceptInvitation, AppointCoordinator, InvitePerson, RegisterPerson
from services.identity.domain.person import (
    AlreadySignedUp,
    Appointer,
    ExpiryPassed,
    InvitationExpired,
    InvitationUnknown,
    InvitationUsed,
    InvitationVoid,
    Invitee,
    Inviter,
    NewCredential,
    PersonUnknown,
    PlatformOnly,
)
from services.identity.domain.program import Created, NoProgram, ProgramUnknown
from services.identity.events import (
    CoordinatorAppointed,
    CredentialIssued,
    InvitationAccepted,
    PersonInvited,
    PersonRegistered,
)
from shared import clock
from shared.log import Take
from shared.messages import Event
from shared.service import Asker
from tests.scenario import Scenario

ADA, GRACE, PROGRAM_ID = uuid4(), uuid4(), uuid4()
FIRST, SECOND = uuid4(), uuid4()
NOW = clock.now()
LATER = NOW + timedelta(days=14)
CREDENTIAL = NewCredential(uuid4(), "email:digest")

REGISTERED = PersonRegistered(person_id=ADA)
APPOINTED = CoordinatorAppointed(person_id=ADA)
ISSUED = CredentialIssued(person_id=ADA, credential_id=CREDENTIAL.credential_id, email="ada@example.org")
TAKEN = Take("email:digest", str(ADA))
ACCEPTED = InvitationAccepted(
    person_id=ADA,
    invitation_id=FIRST,
    credential_id=CREDENTIAL.credential_id,
    email="ada@example.org",
    display_name="Ada",
)

stranger = Scenario(PERSON)
registered = stranger.given(REGISTERED)
appoint = AppointCoordinator(person_id=ADA, email="ada@example.org", password="difference engine", at=NOW)
accept = AcceptInvitation(
    token=Keyring(b"key").invitation(ADA, FIRST),
    email="ada@example.org",
    password="difference engine",
    display_name="Ada",
    at=NOW,
)


def invitation(invitation_id: UUID = FIRST) -> PersonInvited:
    return PersonInvited(person_id=ADA, program_id=PROGRAM_ID, invitation_id=invitation_id, expires_at=LATER)


def invite(invitation_id: UUID = FIRST, expires_at: datetime | None = LATER) -> InvitePerson:
    return InvitePerson(
        person_id=ADA, program_id=PROGRAM_ID, invitation_id=invitation_id, expires_at=expires_at, at=NOW
    )


def inviter(asker: UUID = GRACE, enrolled: bool = True) -> Inviter:
    return Inviter(Asker(str(asker)), Created(GRACE), enrolled)


def invitee(invitation_id: UUID = FIRST, now: datetime = NOW) -> Invitee:
    return Invitee(ADA, invitation_id, now, CREDENTIAL)


def test_only_the_platform_registers_people() -> None:
    command = RegisterPerson(person_id=ADA, at=NOW)
    stranger.knowing(Asker("system:import_roster")).when(command).then(REGISTERED).when(command).then()
    stranger.knowing(Asker(str(GRACE))).when(command).refuses(PlatformOnly)


def test_the_platform_appoints_the_first_coordinator_once() -> None:
    platform = stranger.knowing(Appointer(Asker("system:install"), CREDENTIAL))
    platform.when(appoint).then(REGISTERED, APPOINTED, ISSUED, TAKEN).when(appoint).then()


def test_somebody_who_is_known_already_can_be_appointed() -> None:
    platform = Appointer(Asker("system:install"), CREDENTIAL)
    registered.knowing(platform).when(appoint).then(APPOINTED, ISSUED, TAKEN)
    registered.given(invitation(), ACCEPTED).knowing(platform).when(appoint).then(APPOINTED).when(appoint).then()


@pytest.mark.parametrize("history", [(), (REGISTERED,), (REGISTERED, APPOINTED, ISSUED)])
def test_nobody_but_the_platform_appoints(history: tuple[Event, ...]) -> None:
    stranger.given(*history).knowing(Appointer(Asker(str(GRACE)), CREDENTIAL)).when(appoint).refuses(PlatformOnly)


def test_the_programmes_coordinator_invites_who_is_enrolled() -> None:
    registered.knowing(inviter()).when(invite()).then(invitation())


def test_somebody_elses_people_cannot_be_found() -> None:
    registered.knowing(inviter(asker=ADA)).when(invite()).refuses(ProgramUnknown)
    registered.knowing(Inviter(Asker(str(GRACE)), NoProgram(), True)).when(invite()).refuses(ProgramUnknown)
    registered.knowing(inviter(enrolled=False)).when(invite()).refuses(PersonUnknown)


def test_an_invitation_is_good_for_two_weeks_if_nothing_else_was_asked() -> None:
    registered.knowing(inviter()).when(invite(expires_at=None)).then(invitation())


def test_an_invitation_is_made_to_last() -> None:
    registered.knowing(inviter()).when(invite(expires_at=NOW)).refuses(ExpiryPassed)


def test_who_has_signed_up_needs_no_invitation() -> None:
    registered.given(invitation(), ACCEPTED).knowing(inviter()).when(invite(SECOND)).refuses(AlreadySignedUp)


def test_an_invitation_is_accepted_once() -> None:
    invited = registered.given(invitation()).knowing(invitee())
    invited.when(accept).then(ACCEPTED, TAKEN).when(accept).refuses(InvitationUsed)


def test_a_new_invitation_voids_the_earlier_one() -> None:
    twice = registered.given(invitation(), invitation(SECOND))
    twice.knowing(invitee(FIRST)).when(accept).refuses(InvitationVoid)
    assert twice.knowing(invitee(SECOND)).when(accept).refusal is None


def test_an_invitation_expires() -> None:
    invited = registered.given(invitation())
    invited.knowing(invitee(now=LATER)).when(accept).refuses(InvitationExpired)
    assert invited.knowing(invitee(now=LATER - timedelta(seconds=1))).when(accept).refusal is None


def test_who_was_not_invited_cannot_accept() -> None:
    stranger.knowing(invitee()).when(accept).refuses(InvitationUnknown)
    registered.knowing(invitee()).when(accept).refuses(InvitationUnknown)

"""What identity publishes."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.messages import Event, Personal

Mine = Personal("person_id")
ErasureReason = Literal["own_wish", "asked_coordinator", "consent_withdrawn", "no_longer_needed", "entered_by_mistake"]


class CoordinatorAppointed(Event, type="identity.coordinator_appointed"):
    """May create programmes."""

    person_id: UUID


class ProgramCreated(Event, type="identity.program_created"):
    program_id: UUID
    name: str
    coordinator_id: UUID


class WebhookRegistered(Event, type="identity.webhook_registered"):
    """What happens in the programme from now on is sent to `url`, which may itself be a secret of who registered it.

    `types` are event types, or a service's all as `matching.*`; none are all.
    """

    program_id: UUID
    webhook_id: UUID
    registered_by: UUID
    url: Annotated[str, Personal("registered_by")]
    types: tuple[str, ...]


class WebhookRemoved(Event, type="identity.webhook_removed"):
    program_id: UUID
    webhook_id: UUID


class WebhookEnabled(Event, type="identity.webhook_enabled"):
    """It is to be tried again, from where it stands."""

    program_id: UUID
    webhook_id: UUID


class WebhookReplayRequested(Event, type="identity.webhook_replay_requested"):
    """It is to be told again what happened from this position on."""

    program_id: UUID
    webhook_id: UUID
    from_position: int


class RejectedRow(BaseModel):
    """`line` counts from 1, the header included."""

    model_config = ConfigDict(frozen=True)

    line: int
    external_id: str = ""
    reason: str


class RosterImported(Event, type="identity.roster_imported"):
    program_id: UUID
    import_id: UUID
    added: int
    changed: int
    unchanged: int
    rejected: tuple[RejectedRow, ...]


class PersonRegistered(Event, type="identity.person_registered"):
    person_id: UUID


class PersonInvited(Event, type="identity.person_invited"):
    person_id: UUID
    program_id: UUID
    invitation_id: UUID
    expires_at: AwareDatetime


class InvitationAccepted(Event, type="identity.invitation_accepted"):
    """The person can now sign in, with the credential of this id."""

    person_id: UUID
    invitation_id: UUID
    credential_id: UUID
    email: Annotated[str, Mine]
    display_name: Annotated[str, Mine]


class CredentialIssued(Event, type="identity.credential_issued"):
    """The person can now sign in without an invitation: the first coordinator."""

    person_id: UUID
    credential_id: UUID
    email: Annotated[str, Mine]


class PersonErased(Event, type="identity.person_erased"):
    """All that is personal of this person is to be forgotten, everywhere. `programs`: where they were enrolled."""

    person_id: UUID
    erased_by: UUID
    reason: ErasureReason
    programs: tuple[UUID, ...]


class EnrolmentErased(Event, type="identity.enrolment_erased"):
    """The part of an erased person in a programme: there will be no other."""

    enrolment_id: UUID
    program_id: UUID
    person_id: UUID


class PersonEnrolled(Event, type="identity.person_enrolled"):
    enrolment_id: UUID
    program_id: UUID
    person_id: UUID
    external_id: str
    role: Literal["mentor", "mentee"]
    headline: Annotated[str, Mine]
    country: Annotated[str, Mine]
    timezone: Annotated[str, Mine]
    languages: Annotated[tuple[str, ...], Mine]
    skills: Annotated[tuple[str, ...], Mine]
    wants: Annotated[tuple[str, ...], Mine]
    capacity: int


class EnrolmentRevised(Event, type="identity.enrolment_revised"):
    """A later roster says otherwise: the whole row as it now stands."""

    enrolment_id: UUID
    program_id: UUID
    person_id: UUID
    external_id: str
    role: Literal["mentor", "mentee"]
    headline: Annotated[str, Mine]
    country: Annotated[str, Mine]
    timezone: Annotated[str, Mine]
    languages: Annotated[tuple[str, ...], Mine]
    skills: Annotated[tuple[str, ...], Mine]
    wants: Annotated[tuple[str, ...], Mine]
    capacity: int

"""What identity can be asked to do."""

import re
from functools import cache
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, AnyHttpUrl, AwareDatetime, EmailStr, Field, UrlConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.messages import Command

known_timezones = cache(available_timezones)


def _country(value: str) -> str:
    if not re.fullmatch("[A-Za-z]{2}", value):
        raise PydanticCustomError("country", "a country is its two letters (ISO 3166-1)")
    return value.upper()


def _timezone(value: str) -> str:
    if value not in known_timezones():
        raise PydanticCustomError("timezone", "there is no such time zone (IANA, like Europe/Rome)")
    return value


def _languages(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value) for value in values):
        raise PydanticCustomError("language", "a language is its code (BCP 47, like en or pt-BR)")
    return tuple(dict.fromkeys(value.lower() for value in values))


def _endpoint(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username or url.password:
        raise PydanticCustomError("endpoint", "an endpoint's URL carries no user name and no password")
    if url.fragment is not None:
        raise PydanticCustomError("endpoint", "an endpoint's URL has no fragment")
    if len(str(url)) > ENDPOINT_LENGTH:
        raise PydanticCustomError("endpoint", "an endpoint's URL is too long")
    return url


ENDPOINT_LENGTH = 2_000
Endpoint = Annotated[AnyHttpUrl, UrlConstraints(max_length=ENDPOINT_LENGTH), AfterValidator(_endpoint)]
EventTypes = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z_]+\.([a-z_]+|\*)$", max_length=100)], ...], Field(max_length=100)
]
Name = Annotated[str, Field(min_length=1, max_length=120)]
NewPassword = Annotated[str, Field(min_length=12, max_length=200, repr=False)]
Secret = Annotated[str, Field(min_length=1, max_length=500, repr=False)]
Tags = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=60)], ...], Field(max_length=50)]
Languages = Annotated[tuple[str, ...], Field(max_length=50), AfterValidator(_languages)]


class AppointCoordinator(Command):
    """Sent by the platform at each start: this person may create programmes. The first password stays."""

    person_id: UUID
    email: EmailStr
    password: NewPassword


class CreateProgram(Command):
    program_id: UUID
    name: Name


class RegisterWebhook(Command):
    """`types` are event types, or a service's all as `matching.*`; none are all. The answer carries the `secret`."""

    program_id: UUID
    webhook_id: UUID
    url: Endpoint
    types: EventTypes = ()


class RemoveWebhook(Command):
    program_id: UUID
    webhook_id: UUID


class EnableWebhook(Command):
    """One that was given up is to be tried again, from where it stands."""

    program_id: UUID
    webhook_id: UUID


class ReplayWebhook(Command):
    """What happened from this position on is to be told again. It also enables the webhook."""

    program_id: UUID
    webhook_id: UUID
    from_position: Annotated[int, Field(ge=1, le=2**63 - 1)]


class ImportRoster(Command):
    """`csv` has a header line; its rows are known by programme and `external_id`."""

    program_id: UUID
    import_id: UUID
    csv: Annotated[str, Field(max_length=5_000_000)]


class EnrolPerson(Command):
    """One roster row. `capacity` is how many mentees a mentor takes at once (0 for a mentee).

    The ids follow from programme and `external_id`: see `domain.enrolment`.
    """

    enrolment_id: UUID
    program_id: UUID
    person_id: UUID
    external_id: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal["mentor", "mentee"]
    headline: Annotated[str, Field(max_length=200)] = ""
    country: Annotated[str, AfterValidator(_country)]
    timezone: Annotated[str, AfterValidator(_timezone)]
    languages: Languages = ()
    skills: Tags = ()
    wants: Tags = ()
    capacity: Annotated[int, Field(ge=0, le=100)] = 0

    @model_validator(mode="after")
    def _capacity_fits_role(self) -> Self:
        if self.role == "mentor" and self.capacity == 0:
            raise PydanticCustomError("capacity", "a mentor's capacity is at least 1")
        if self.role == "mentee" and self.capacity > 0:
            raise PydanticCustomError("capacity", "only a mentor has a capacity")
        return self


class RegisterPerson(Command):
    """Sent by the platform itself, before it enrols somebody it has not met."""

    person_id: UUID


class InvitePerson(Command):
    """The answer carries the one-time `token` that goes into the link. Earlier invitations are void then.

    Without `expires_at` it is good for two weeks, counted from when it was first asked for.
    """

    person_id: UUID
    program_id: UUID
    invitation_id: UUID
    expires_at: AwareDatetime | None = None


class InvitePeople(Command):
    """Everyone in one go, each like `InvitePerson`.

    The answer has `invited`: [{`person_id`, `token`}] and `skipped`: [{`person_id`, `code`}].
    """

    program_id: UUID
    batch_id: UUID
    person_ids: Annotated[tuple[UUID, ...], Field(max_length=5_000)]
    expires_at: AwareDatetime | None = None


class AcceptInvitation(Command):
    """The answer carries `person_id`."""

    token: Secret
    email: EmailStr
    password: NewPassword
    display_name: Name


class EraseAccount(Command):
    """The asker wants to be forgotten, and says the password again. There is no way back."""

    person_id: UUID
    password: Secret


class ErasePerson(Command):
    """The coordinator of the programme decides that somebody in it is to be forgotten. There is no way back."""

    person_id: UUID
    program_id: UUID
    reason: Literal["asked_coordinator", "consent_withdrawn", "no_longer_needed", "entered_by_mistake"]


class CompleteErasure(Command):
    """Sent by the policy, once it is recorded that somebody is to be forgotten."""

    person_id: UUID
    programs: tuple[UUID, ...]


class EraseEnrolment(Command):
    """Sent by the platform itself while it completes an erasure."""

    enrolment_id: UUID
    program_id: UUID
    person_id: UUID


class SignIn(Command):
    """The answer carries `access_token`, `expires_in` (seconds), `refresh_token` and `person_id`."""

    email: EmailStr
    password: Secret


class RefreshSession(Command):
    """The answer is like that of `SignIn`. A refresh token is good for one refresh."""

    refresh_token: Secret


class SignOut(Command):
    refresh_token: Secret

"""What identity can be asked to do."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, EmailStr, Field

from shared.messages import Command

Name = Annotated[str, Field(min_length=1, max_length=120)]
NewPassword = Annotated[str, Field(min_length=12, max_length=200, repr=False)]
Secret = Annotated[str, Field(min_length=1, max_length=500, repr=False)]
Tags = tuple[Annotated[str, Field(min_length=1, max_length=60)], ...]


class AppointCoordinator(Command):
    """Sent once at first start: this person may create programmes."""

    person_id: UUID
    email: EmailStr
    password: NewPassword


class CreateProgram(Command):
    program_id: UUID
    name: Name


class ImportRoster(Command):
    """`csv` has a header line; its rows are known by programme and `external_id`."""

    program_id: UUID
    import_id: UUID
    csv: Annotated[str, Field(max_length=5_000_000)]


class EnrolPerson(Command):
    """One roster row. `capacity` is how many mentees a mentor takes at once (0 for a mentee)."""

    enrolment_id: UUID
    program_id: UUID
    person_id: UUID
    external_id: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal["mentor", "mentee"]
    headline: Annotated[str, Field(max_length=200)] = ""
    country: Annotated[str, Field(max_length=2)] = ""
    timezone: str = "UTC"
    languages: Tags = ()
    skills: Tags = ()
    wants: Tags = ()
    capacity: Annotated[int, Field(ge=0, le=100)] = 0


class RegisterPerson(Command):
    person_id: UUID


class InvitePerson(Command):
    """The answer carries the one-time `token` that goes into the link."""

    person_id: UUID
    program_id: UUID
    invitation_id: UUID
    expires_at: AwareDatetime


class AcceptInvitation(Command):
    token: Secret
    email: EmailStr
    password: NewPassword
    display_name: Name


class SignIn(Command):
    """The answer carries `access_token`, `expires_in` (seconds), `refresh_token` and `person_id`."""

    email: EmailStr
    password: Secret


class RefreshSession(Command):
    refresh_token: Secret


class SignOut(Command):
    refresh_token: Secret

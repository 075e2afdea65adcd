"""What matching reads of identity's events."""

from typing import Literal
from uuid import UUID

from shared.messages import Event


class PersonEnrolled(Event, type="identity.person_enrolled"):
    program_id: UUID
    person_id: UUID
    role: Literal["mentor", "mentee"]
    capacity: int


class EnrolmentRevised(Event, type="identity.enrolment_revised"):
    program_id: UUID
    person_id: UUID
    role: Literal["mentor", "mentee"]
    capacity: int


class EnrolmentErased(Event, type="identity.enrolment_erased"):
    program_id: UUID
    person_id: UUID


class PersonErased(Event, type="identity.person_erased"):
    person_id: UUID

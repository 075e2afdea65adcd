"""What messaging can be asked to do."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.messages import Command


class OpenConversation(Command):
    """Sent by the policy when a relationship becomes active."""

    conversation_id: UUID
    relationship_id: UUID
    participants: tuple[UUID, ...]


class CloseConversation(Command):
    """Sent by the policy when a relationship is over: what was said can be read, nothing more is said."""

    conversation_id: UUID


class PostMessage(Command):
    message_id: UUID
    conversation_id: UUID
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class ScheduleMeeting(Command):
    """`time_zone` is the IANA zone in which the organizer thinks of the meeting."""

    meeting_id: UUID
    conversation_id: UUID
    title: Annotated[str, Field(min_length=1, max_length=200)]
    starts_at: AwareDatetime
    duration_minutes: Annotated[int, Field(ge=5, le=480)]
    time_zone: str


class CancelMeeting(Command):
    meeting_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500)]

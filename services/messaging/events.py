"""What messaging publishes."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime

from shared.messages import Event, Personal


class ConversationOpened(Event, type="messaging.conversation_opened"):
    conversation_id: UUID
    relationship_id: UUID
    participants: tuple[UUID, ...]


class ConversationClosed(Event, type="messaging.conversation_closed"):
    conversation_id: UUID
    relationship_id: UUID


class MessagePosted(Event, type="messaging.message_posted"):
    message_id: UUID
    conversation_id: UUID
    relationship_id: UUID
    author_id: UUID
    text: Annotated[str, Personal("author_id")]


class MeetingScheduled(Event, type="messaging.meeting_scheduled"):
    meeting_id: UUID
    conversation_id: UUID
    relationship_id: UUID
    organizer_id: UUID
    title: Annotated[str, Personal("organizer_id")]
    starts_at: AwareDatetime
    duration_minutes: int
    time_zone: str
    video_url: str


class MeetingCancelled(Event, type="messaging.meeting_cancelled"):
    meeting_id: UUID
    relationship_id: UUID
    cancelled_by: UUID
    reason: Annotated[str, Personal("cancelled_by")]

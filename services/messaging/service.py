"""Messaging as it is put together: rooms, messages and meetings, and what opens and closes the rooms."""

from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.messaging import events, heard
from services.messaging.commands import (
    CancelMeeting,
    CloseConversation,
    OpenConversation,
    PostMessage,
    ScheduleMeeting,
)
from services.messaging.domain import conversation, meeting, message
from services.messaging.domain.conversation import Conversation, NotOpened
from services.messaging.domain.meeting import Cancelled, Meeting, MeetingCommand, NotScheduled, Scheduled
from services.messaging.domain.message import Message
from services.messaging.policies import (
    close_conversation_when_relationship_over,
    open_conversation_when_relationship_activated,
)
from shared.parts import Parts
from shared.runtime import Reader
from shared.service import Aggregate, Asker, Service


def _with_room(template: str) -> str:
    if "{room}" not in template or not template.startswith(("https://", "http://")):
        raise ValueError("MENTORING_VIDEO_URL_TEMPLATE must be a web address with {room} in it")
    return template


class MessagingSettings(BaseSettings):
    """`video_url_template`: where meetings take place; `{room}` becomes each meeting's own."""

    model_config = SettingsConfigDict(env_prefix="MENTORING_", frozen=True)

    video_url_template: Annotated[str, AfterValidator(_with_room)] = "https://meet.jit.si/{room}"


CONVERSATION: Aggregate[Conversation] = Aggregate(
    category="conversation",
    initial=conversation.NotOpened(),
    evolve=conversation.evolve,
    decide=conversation.decide,
    commands={kind: lambda command: command.conversation_id for kind in (OpenConversation, CloseConversation)},
    subject=lambda event: event.relationship_id,
)


def _know_conversation(command: PostMessage, asker: Asker, reader: Reader) -> message.Known:
    return message.Known(asker, reader.state(CONVERSATION, command.conversation_id))


MESSAGE: Aggregate[Message] = Aggregate(
    category="message",
    initial=message.NotPosted(),
    evolve=message.evolve,
    decide=message.decide,
    commands={PostMessage: lambda command: command.message_id},
    know=_know_conversation,
    subject=lambda event: event.relationship_id,
)


MEETING: Aggregate[Meeting] = Aggregate(
    category="meeting",
    initial=meeting.NotScheduled(),
    evolve=meeting.evolve,
    decide=meeting.decide,
    commands={kind: lambda command: command.meeting_id for kind in (ScheduleMeeting, CancelMeeting)},
    subject=lambda event: event.relationship_id,
)


def meetings(template: str, secret: bytes) -> Aggregate[Meeting]:
    """`MEETING` in video rooms of this template, whose names the secret keeps from being guessed."""

    def know(command: MeetingCommand, asker: Asker, reader: Reader) -> meeting.Known:
        place = _conversation_behind(command, reader)
        return meeting.Known(asker, place, meeting.video_url(template, secret, command.meeting_id))

    return replace(MEETING, know=know)


def _conversation_behind(command: MeetingCommand, reader: Reader) -> Conversation:
    if isinstance(command, ScheduleMeeting):
        return reader.state(CONVERSATION, command.conversation_id)
    match reader.state(MEETING, command.meeting_id):
        case NotScheduled():
            return NotOpened()
        case Scheduled(conversation_id=place) | Cancelled(meeting=Scheduled(conversation_id=place)):
            return reader.state(CONVERSATION, place)


def assemble(parts: Parts) -> Service:
    """Raises `pydantic.ValidationError` for a setting that makes no sense."""
    settings = MessagingSettings()
    return Service(
        name="messaging",
        events=events,
        aggregates=[CONVERSATION, MESSAGE, meetings(settings.video_url_template, parts.keys.digest)],
        heard=[heard],
        policies={
            heard.RelationshipActivated: [open_conversation_when_relationship_activated],
            heard.RelationshipCompleted: [close_conversation_when_relationship_over],
            heard.RelationshipEnded: [close_conversation_when_relationship_over],
            heard.RelationshipDissolved: [close_conversation_when_relationship_over],
        },
    )

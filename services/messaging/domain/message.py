"""What one of the two says to the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.messaging.commands import PostMessage
from services.messaging.domain.conversation import (
    Conversation,
    ConversationNotFound,
    opened,
    participant,
    refuse_closed,
)
from services.messaging.events import MessagePosted
from shared.messages import Event
from shared.refusals import Conflict
from shared.service import Asker


class MessageAlreadyPosted(Conflict):
    """A message of this id was posted before."""


@dataclass(frozen=True, slots=True)
class NotPosted:
    pass


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: UUID
    conversation_id: UUID
    relationship_id: UUID
    author_id: UUID
    text: str


Message = NotPosted | Posted


@dataclass(frozen=True, slots=True)
class Known:
    """The conversation as it stood when the message was decided on: one that is posted in the very moment of its
    closing may be recorded after it."""

    asker: Asker
    conversation: Conversation


def decide(command: PostMessage, state: Message, known: Known) -> Sequence[Event]:
    conversation = opened(known.conversation)
    author = participant(conversation, known.asker, ConversationNotFound())
    refuse_closed(conversation)
    if isinstance(state, Posted):
        raise MessageAlreadyPosted()
    return [
        MessagePosted(
            message_id=command.message_id,
            conversation_id=command.conversation_id,
            relationship_id=conversation.relationship_id,
            author_id=author,
            text=command.text,
        )
    ]


def evolve(state: Message, event: MessagePosted) -> Message:
    return Posted(event.message_id, event.conversation_id, event.relationship_id, event.author_id, event.text)

"""The room of a relationship: opened when it becomes active, closed when it is over.

A pause does not close it: pausing stops what the two expect of each other, not their talk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from services.messaging import events
from services.messaging.commands import CloseConversation, OpenConversation
from shared.ids import derived_id
from shared.messages import Event
from shared.refusals import Conflict, Forbidden, NotFound
from shared.service import Asker


class ConversationNotFound(NotFound):
    """There is no such conversation."""


class ConversationNotOpen(Conflict):
    """The conversation opens when the relationship becomes active."""


class ConversationClosed(Conflict):
    """The relationship is over: what was said can be read, nothing more is said."""


class ConversationFollowsRelationship(Forbidden):
    """A conversation opens and closes with its relationship, at nobody's wish."""


@dataclass(frozen=True, slots=True)
class NotOpened:
    """Nobody takes part yet."""


@dataclass(frozen=True, slots=True)
class Open:
    conversation_id: UUID
    relationship_id: UUID
    participants: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    conversation_id: UUID
    relationship_id: UUID
    participants: tuple[UUID, ...]


Conversation = NotOpened | Open | Closed
ConversationCommand = OpenConversation | CloseConversation
ConversationEvent = events.ConversationOpened | events.ConversationClosed


def conversation_of(relationship_id: UUID) -> UUID:
    """The id of the relationship's room: known to everybody before it is open."""
    return derived_id(relationship_id, "conversation")


def opened(conversation: Conversation) -> Open | Closed:
    """Raises `ConversationNotOpen`, whoever asks: nobody takes part in a conversation before it is open."""
    if isinstance(conversation, NotOpened):
        raise ConversationNotOpen()
    return conversation


def participant(conversation: Open | Closed, asker: Asker, unseen: NotFound) -> UUID:
    """The asker as one who takes part. Raises `unseen` for anybody else."""
    if asker.person is None or asker.person not in conversation.participants:
        raise unseen
    return asker.person


def refuse_closed(conversation: Open | Closed) -> None:
    if isinstance(conversation, Closed):
        raise ConversationClosed()


def decide(command: ConversationCommand, state: Conversation, asker: Asker) -> Sequence[Event]:
    if not asker.is_system:
        raise ConversationFollowsRelationship()
    match command:
        case OpenConversation():
            return _open(command, state)
        case CloseConversation():
            return _close(state)
        case _:
            assert_never(command)


def _open(command: OpenConversation, state: Conversation) -> Sequence[Event]:
    if isinstance(state, Open):
        return []
    return [
        events.ConversationOpened(
            conversation_id=command.conversation_id,
            relationship_id=command.relationship_id,
            participants=command.participants,
        )
    ]


def _close(state: Conversation) -> Sequence[Event]:
    if not isinstance(state, Open):
        return []
    return [events.ConversationClosed(conversation_id=state.conversation_id, relationship_id=state.relationship_id)]


def evolve(state: Conversation, event: ConversationEvent) -> Conversation:
    match event:
        case events.ConversationOpened():
            return Open(event.conversation_id, event.relationship_id, event.participants)
        case events.ConversationClosed():
            assert not isinstance(state, NotOpened)
            return Closed(state.conversation_id, state.relationship_id, state.participants)
        case _:
            assert_never(event)

"""What messaging does because of what happened elsewhere."""

from services.messaging.commands import CloseConversation, OpenConversation
from services.messaging.domain import conversation_of
from services.messaging.heard import (
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipDissolved,
    RelationshipEnded,
)
from shared.log import Recorded


def open_conversation_when_relationship_activated(event: RelationshipActivated, recorded: Recorded) -> OpenConversation:
    return OpenConversation(
        conversation_id=conversation_of(event.relationship_id),
        relationship_id=event.relationship_id,
        participants=(event.mentor_id, event.mentee_id),
        at=recorded.occurred_at,
    )


def close_conversation_when_relationship_over(
    event: RelationshipCompleted | RelationshipEnded | RelationshipDissolved, recorded: Recorded
) -> CloseConversation:
    return CloseConversation(conversation_id=conversation_of(event.relationship_id), at=recorded.occurred_at)

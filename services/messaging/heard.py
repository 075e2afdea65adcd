"""What messaging reads of others."""

from uuid import UUID

from shared.messages import Event


class RelationshipActivated(Event, type="matching.relationship_activated"):
    relationship_id: UUID
    mentor_id: UUID
    mentee_id: UUID


class RelationshipCompleted(Event, type="matching.relationship_completed"):
    relationship_id: UUID


class RelationshipEnded(Event, type="matching.relationship_ended"):
    relationship_id: UUID


class RelationshipDissolved(Event, type="matching.relationship_dissolved"):
    relationship_id: UUID

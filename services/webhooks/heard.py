"""What is read of identity's events."""

from typing import Annotated
from uuid import UUID

from shared.messages import Event, Personal


class WebhookRegistered(Event, type="identity.webhook_registered"):
    program_id: UUID
    webhook_id: UUID
    url: Annotated[str, Personal("registered_by")]
    types: tuple[str, ...]


class WebhookRemoved(Event, type="identity.webhook_removed"):
    webhook_id: UUID


class WebhookEnabled(Event, type="identity.webhook_enabled"):
    webhook_id: UUID


class WebhookReplayRequested(Event, type="identity.webhook_replay_requested"):
    webhook_id: UUID
    from_position: int

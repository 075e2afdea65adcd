"""What happens elsewhere."""

from uuid import UUID

from shared.messages import Event


class Happened(Event, type="elsewhere.happened"):
    counter_id: UUID

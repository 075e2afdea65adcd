from uuid import UUID

from shared.messages import Event


class Counted(Event, type="toy.counted"):
    counter_id: UUID
    amount: int

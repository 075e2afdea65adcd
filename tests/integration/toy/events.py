from uuid import UUID

from pydantic import AwareDatetime

from shared.messages import Event


class Counted(Event, type="toy.counted"):
    counter_id: UUID
    amount: int


class Promised(Event, type="toy.promised"):
    """A hundred is to be counted then, whoever remembers."""

    counter_id: UUID
    by: AwareDatetime

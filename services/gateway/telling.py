"""One event as a person is told of it, in a history or live."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.gateway.answers import Reveal
from services.gateway.catalogue import CATALOGUE
from shared.log import Recorded


class EventAnswer(BaseModel):
    """`data` is what the event of this `type` carries; a personal value that is not for the reader is null."""

    position: int
    event_id: UUID
    type: str
    program_id: UUID
    relationship_id: UUID | None
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


def tell(recorded: Recorded, reveal: Reveal) -> EventAnswer:
    return EventAnswer(
        position=recorded.position,
        event_id=recorded.event_id,
        type=recorded.type,
        program_id=recorded.program,
        relationship_id=recorded.subject,
        actor=recorded.actor,
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at,
        data=_data(recorded, reveal),
    )


def _data(recorded: Recorded, reveal: Reveal) -> dict[str, Any]:
    event = CATALOGUE.decode(recorded)
    if event is None:
        return {}
    data = event.model_dump(mode="json", warnings=False)
    return {name: reveal(value) if name in event.personal_fields() else value for name, value in data.items()}

"""Everything that happened in a relationship, in order."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.gateway.access import relationship_for
from services.gateway.answers import Page, respond
from services.gateway.caller import SignedIn
from services.gateway.telling import EventAnswer, tell
from shared.database import reading

router = APIRouter(tags=["relationships"])


@router.get("/v1/relationships/{relationship_id}/history", response_model=Page[EventAnswer])
def history(
    relationship_id: UUID,
    member: SignedIn,
    after: Annotated[int, Query(ge=0, le=2**62, description="A position: what came later is answered")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Response:
    """The coordinator sees what happened when, not what was said."""
    with reading(member.gateway.database) as connection:
        found = relationship_for(connection, member, relationship_id)
    events = [one for one in member.gateway.log.of_subject(relationship_id) if one.position > after]
    items = [tell(one, found.reveal) for one in events[:limit]]
    return respond(Page(items=items, next=str(items[-1].position) if len(events) > limit else None))

"""What happens in one's relationships, live (Server-Sent Events)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.gateway.caller import SignedIn
from services.gateway.feed import Feed
from shared.tokens import LIFETIME

router = APIRouter(tags=["feed"])

Position = Annotated[int | None, Query(ge=0, le=2**62, description="Resume after this position")]
LastEventId = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=2**62, description="What a browser sends")]


@router.get("/v1/feed", response_class=EventSourceResponse)
async def follow(
    request: Request, member: SignedIn, after: Position = None, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Each event's id is its position; its data is as in a relationship's history. A comment comes when nothing
    happens. A stream ends with the token that opened it, or when its reader is too slow: resume with the last id.
    """
    feed: Feed = request.app.state.feed
    resumed = last_event_id if last_event_id is not None else after
    yield ServerSentEvent(comment="connected", retry=1000)
    async for event in feed.events(member.person, resumed, LIFETIME.total_seconds()):
        yield ServerSentEvent(raw_data=event.model_dump_json(), id=str(event.position))

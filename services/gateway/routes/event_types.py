"""The types of events that subscribers, the feed and webhooks tell, and what each holds."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Path
from starlette.responses import Response

from services import registry
from services.gateway.answers import Answer, Page, respond
from shared.refusals import NotFound
from shared.schemas import schema_id

router = APIRouter(tags=["events"])


class EventTypeAnswer(Answer):
    """`personal` fields are sealed on the wire. `dataschema` names the schema of the version that is written now."""

    type: str
    service: str
    latest: int
    description: str
    personal: list[str]
    dataschema: str


class EventTypeUnknown(NotFound):
    """Nothing of this type and version was ever published."""


@router.get("/v1/event-types", response_model=Page[EventTypeAnswer])
async def event_types() -> Response:
    return respond(Page(items=[_shown(one) for one in registry.event_types()]))


@router.get(
    "/v1/event-types/{event_type}/versions/{number}/schema",
    response_class=Response,
    responses={200: {"content": {"application/schema+json": {"schema": {"type": "object"}}}}},
)
async def schema(event_type: str, number: Annotated[int, Path(ge=1, le=2**31)]) -> Response:
    """The JSON Schema that an event's `dataschema` stands for: `urn:mentoring:{event_type}:{number}`."""
    found = registry.schema(event_type, number)
    if found is None:
        raise EventTypeUnknown()
    return Response(orjson.dumps(found), media_type="application/schema+json")


def _shown(one: registry.EventType) -> EventTypeAnswer:
    return EventTypeAnswer(
        type=one.type,
        service=one.service,
        latest=one.version,
        description=one.description,
        personal=list(one.personal),
        dataschema=schema_id(one.type, one.version),
    )

"""What the two write to each other."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from services.gateway.access import Own, party_to
from services.gateway.answers import Accepted, Answer, Page, Text, opening, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sending, SignedIn
from services.gateway.views import messages, relationships
from services.messaging.commands import PostMessage
from services.messaging.domain import conversation_of
from shared.database import reading

router = APIRouter(tags=["messages"])


class MessageBody(Asked):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class MessageAnswer(Answer):
    message_id: UUID
    relationship_id: UUID
    author_id: UUID
    text: Text
    sent_at: datetime
    position: int


@router.get("/v1/relationships/{relationship_id}/messages", response_model=Page[MessageAnswer])
def list_messages(
    relationship_id: UUID,
    member: SignedIn,
    after: Annotated[int, Query(ge=0, le=2**62, description="A position: what came later is answered")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The oldest first."""
    with reading(member.gateway.database) as connection:
        found = party_to(connection, member, relationship_id, relationships.WHOSE)
        rows = messages.messages_of(connection, relationship_id, after, limit + 1)
    items = [MessageAnswer.shown(row, found.reveal) for row in rows[:limit]]
    return respond(Page(items=items, next=str(items[-1].position) if len(rows) > limit else None))


@router.post(
    "/v1/relationships/{relationship_id}/messages",
    status_code=201,
    response_model=MessageAnswer,
    responses={202: {"model": Accepted}},
)
async def post_message(body: MessageBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    message_id = sender.id_of_new("message")
    command = PostMessage(
        message_id=message_id, conversation_id=conversation_of(own.relationship_id), text=body.text, at=sender.at
    )
    done = await sender.send(command, program=own.program, seen=own.position, new=True)
    where = f"/v1/relationships/{own.relationship_id}/messages"
    return await sender.answer(done, where, partial(_read, member, own.program, message_id), created=True)


async def _read(member: Member, program: UUID, message_id: UUID) -> MessageAnswer:
    row = await member.gateway.lookup.one(messages.ONE, program=program, message_id=message_id)
    return await opening(member.gateway.vault, partial(MessageAnswer.shown, row))

"""A programme's webhooks: whom its events are sent to, and how that goes."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field, computed_field
from sqlalchemy import Row
from starlette.responses import Response

from services.gateway.access import Coordinated
from services.gateway.answers import Accepted, Answer, Page, Text, respond
from services.gateway.asked import Asked
from services.gateway.caller import Member, Sender, Sending, SignedIn
from services.gateway.catalogue import CATALOGUE
from services.gateway.views import webhooks
from services.identity.commands import (
    EnableWebhook,
    Endpoint,
    EventTypes,
    RegisterWebhook,
    RemoveWebhook,
    ReplayWebhook,
)
from shared.database import reading
from shared.messages import Command
from shared.refusals import Invalid, NotFound

router = APIRouter(tags=["webhooks"])


class WebhookUnknown(NotFound):
    """There is no such webhook."""


class EventTypeUnknown(Invalid):
    """`GET /v1/event-types` tells which types there are; a service's all are `matching.*`."""


class WebhookBody(Asked):
    """`types` are event types, or a service's all as `matching.*`; none are all."""

    url: Endpoint
    types: EventTypes = ()


class ReplayBody(Asked):
    from_position: Annotated[int, Field(ge=1, le=2**63 - 1)]


class DeliveryAnswer(Answer):
    """Every event up to `position` was taken, or is not one of the `types`.

    The next one has failed so many times (`failures`) and is tried again at `next_attempt_at`; those after it wait.
    """

    position: int
    failures: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    disabled_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]  # as pydantic's documentation does it
    @property
    def status(self) -> Literal["delivering", "retrying", "disabled"]:
        if self.disabled_at:
            return "disabled"
        return "retrying" if self.failures else "delivering"


class WebhookAnswer(Answer):
    """`url` is null when whoever registered it was erased. `delivery` is null until it was first looked after."""

    webhook_id: UUID
    program_id: UUID = Field(validation_alias="program")
    url: Text
    types: list[str]
    registered_at: datetime
    delivery: DeliveryAnswer | None = None


class NewWebhookAnswer(WebhookAnswer):
    """`secret` is told here and never again."""

    secret: str


def _find(member: Member, program_id: UUID, webhook_id: UUID) -> Row[Any]:
    with reading(member.gateway.database) as connection:
        row = webhooks.webhook(connection, program_id, webhook_id)
    if row is None:
        raise WebhookUnknown()
    return row


def _own(webhook_id: UUID, program: Coordinated, member: SignedIn) -> Row[Any]:
    return _find(member, program.program, webhook_id)


Own = Annotated[Row[Any], Depends(_own)]

WEBHOOKS = "/v1/programs/{program_id}/webhooks"
CHANGED: dict[int | str, dict[str, Any]] = {202: {"model": Accepted}}


@router.post(WEBHOOKS, status_code=201, response_model=NewWebhookAnswer, responses=CHANGED)
async def register(body: WebhookBody, program: Coordinated, sender: Sending, member: SignedIn) -> Response:
    """From now on the programme's events are posted to `url`, each signed with the `secret` (Standard Webhooks)."""
    _require_known(body.types)
    webhook_id = sender.id_of_new("webhook")
    command = RegisterWebhook(program_id=program.program, webhook_id=webhook_id, **dict(body), at=sender.at)
    done = await sender.send(command, program=program.program)

    def read() -> NewWebhookAnswer:
        shown = _tell(member, _find(member, program.program, webhook_id))
        return NewWebhookAnswer.model_construct(**dict(shown), secret=done.result["secret"])

    return await sender.answer(done, _path(program.program, webhook_id), read, created=True)


@router.get(WEBHOOKS, response_model=Page[WebhookAnswer])
def list_webhooks(program: Coordinated, member: SignedIn) -> Response:
    with reading(member.gateway.database) as connection:
        rows = webhooks.webhooks_of(connection, program.program)
    return respond(Page(items=[_tell(member, row) for row in rows]))


@router.get(WEBHOOKS + "/{webhook_id}", response_model=WebhookAnswer)
def show(own: Own, member: SignedIn) -> Response:
    return respond(_tell(member, own))


@router.delete(WEBHOOKS + "/{webhook_id}", response_model=WebhookAnswer, responses=CHANGED)
async def remove(own: Own, sender: Sending, member: SignedIn) -> Response:
    """It is told nothing of what happens from now on. The answer shows it once more."""
    command = RemoveWebhook(program_id=own.program, webhook_id=own.webhook_id, at=sender.at)
    return await _change(command, own, sender, lambda: _tell(member, own))


@router.post(WEBHOOKS + "/{webhook_id}/replays", response_model=WebhookAnswer, responses=CHANGED)
async def replay(body: ReplayBody, own: Own, sender: Sending, member: SignedIn) -> Response:
    """Everything from this position on is sent again, or what it waits with is passed over; it is enabled by that."""
    ids = {"program_id": own.program, "webhook_id": own.webhook_id}
    command = ReplayWebhook(**ids, from_position=body.from_position, at=sender.at)
    return await _change(command, own, sender, lambda: _tell(member, own))


@router.post(WEBHOOKS + "/{webhook_id}/enable", response_model=WebhookAnswer, responses=CHANGED)
async def enable(own: Own, sender: Sending, member: SignedIn) -> Response:
    """One that was disabled, or waits for its next attempt, goes on at once from where it stands."""
    command = EnableWebhook(program_id=own.program, webhook_id=own.webhook_id, at=sender.at)
    return await _change(command, own, sender, lambda: _tell(member, own))


async def _change(command: Command, own: Row[Any], sender: Sender, read: Callable[[], WebhookAnswer]) -> Response:
    done = await sender.send(command, program=own.program)
    return await sender.answer(done, _path(own.program, own.webhook_id), read)


def _require_known(types: tuple[str, ...]) -> None:
    """Raises `EventTypeUnknown`: a slip of the pen would wait for ever."""
    known = {*CATALOGUE.types, *(f"{name.split('.')[0]}.*" for name in CATALOGUE.types)}
    if unknown := sorted(set(types) - known):
        raise EventTypeUnknown(types=unknown)


def _path(program_id: UUID, webhook_id: UUID) -> str:
    return f"/v1/programs/{program_id}/webhooks/{webhook_id}"


def _tell(member: Member, row: Row[Any]) -> WebhookAnswer:
    answer = WebhookAnswer.shown(row, member.gateway.vault.reveal)
    delivery = member.gateway.delivery(row.webhook_id)
    return answer.model_copy(update={"delivery": delivery and DeliveryAnswer.shown(delivery)})

"""A command's context and its answer as they travel by RPC: context in headers, never who the asker claims to be."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, Field

from shared.ids import NIL
from shared.refusals import Refusal
from shared.service import Context, Done

Headers = dict[str, str | int]
Answer = dict[str, Any]

FAILED: Answer = {"failed": True}


class _Sent(BaseModel):
    """The context's fields that are taken from headers; whatever else is there counts for nothing."""

    command_id: UUID
    correlation_id: UUID
    program: UUID = NIL
    token: str | None = Field(None, alias="auth_token")
    causation_id: UUID | None = None
    seen: int = 0
    expected_version: int | None = None
    new: bool = False
    deadline: AwareDatetime | None = None


class ServiceFailed(Exception):
    """The service has an error of its own, which it has logged."""


def to_headers(context: Context) -> Headers:
    """`actor` stays behind: a service takes it from the token alone."""
    headers: dict[str, str | int | None] = {
        "auth_token": context.token,
        "command_id": str(context.command_id),
        "correlation_id": str(context.correlation_id),
        "causation_id": str(context.causation_id) if context.causation_id else None,
        "program": str(context.program),
        "seen": context.seen,
        "expected_version": context.expected_version,
        "new": 1 if context.new else None,
        "deadline": context.deadline.isoformat() if context.deadline else None,
    }
    return {name: value for name, value in headers.items() if value is not None}


def from_headers(headers: Mapping[str, Any]) -> Context:
    """Raises ValidationError for what no sender of ours wrote."""
    return Context(**_Sent.model_validate(headers).model_dump())


def to_answer(outcome: Done | Refusal) -> Answer:
    """JSON values only."""
    answer = {"refused": outcome.to_wire()} if isinstance(outcome, Refusal) else {"done": outcome}
    plain: Answer = orjson.loads(orjson.dumps(answer, default=str))
    return plain


def from_answer(answer: Mapping[str, Any]) -> Done:
    """Raises the `Refusal` that it carries, or `ServiceFailed`."""
    if answer == FAILED:
        raise ServiceFailed()
    if "refused" in answer:
        raise Refusal.from_wire(answer["refused"])
    return Done(**answer["done"])

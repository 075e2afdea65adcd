"""A command's context and its answer as they travel by RPC: context in headers, never who the asker claims to be."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.ids import NIL
from shared.refusals import Refusal
from shared.service import Context, Done

Headers = dict[str, str | int]
Answer = dict[str, Any]

FAILED: Answer = {"failed": True}


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
        "deadline": context.deadline.isoformat() if context.deadline else None,
    }
    return {name: value for name, value in headers.items() if value is not None}


def from_headers(headers: Mapping[str, Any]) -> Context:
    """Raises KeyError or ValueError for what no sender of ours wrote."""
    return Context(
        command_id=UUID(headers["command_id"]),
        correlation_id=UUID(headers["correlation_id"]),
        program=UUID(headers.get("program", str(NIL))),
        token=headers.get("auth_token"),
        causation_id=UUID(headers["causation_id"]) if "causation_id" in headers else None,
        seen=int(headers.get("seen", 0)),
        expected_version=headers.get("expected_version"),
        deadline=datetime.fromisoformat(headers["deadline"]) if "deadline" in headers else None,
    )


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

"""What a client is told when something was not done: a problem document (RFC 9457) with a `code` that stays."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.refusals import Refusal

STATUS: Mapping[str, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "stale": 412,
    "throttled": 429,
    "unavailable": 503,
}
RETRY_SECONDS = 1


class Problem(BaseModel):
    """`code` never changes once published; `facts` are for a program, `detail` for a person."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    facts: dict[str, Any] = {}
    correlation_id: UUID


SCHEMAS = "#/components/schemas/"
OF_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")
ANY_PROBLEM = {
    "description": "Why it was not done",
    "content": {"application/problem+json": {"schema": {"$ref": f"{SCHEMAS}{Problem.__name__}"}}},
}


def handle_problems(app: FastAPI) -> None:
    app.exception_handler(Refusal)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_of_http)


def problem(
    status: int, code: str, detail: str, correlation_id: UUID, facts: Mapping[str, Any] | None = None
) -> Response:
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        facts=dict(facts or {}),
        correlation_id=correlation_id,
    )
    content = orjson.dumps(document.model_dump(), default=str)
    return Response(content, status, media_type="application/problem+json")


def correlation_of(request: Request) -> UUID:
    correlation_id: UUID = request.state.correlation_id
    return correlation_id


def document_problems(app: FastAPI) -> None:
    """Every operation may be answered with a problem: OpenAPI says so, instead of what the framework would answer."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schemas = schema["components"]["schemas"]
        for name in OF_THE_FRAMEWORK:
            schemas.pop(name, None)
        schemas[Problem.__name__] = Problem.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = ANY_PROBLEM
        return schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation does it


async def _refused(request: Request, refusal: Refusal) -> Response:
    status = STATUS[refusal.kind]
    response = problem(status, refusal.code, refusal.detail, correlation_of(request), refusal.facts)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = str(refusal.facts.get("retry_after", RETRY_SECONDS))
    return response


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    """Says what is wrong with which part, and repeats nothing of what was sent."""
    errors = [
        {"at": ".".join(str(part) for part in one["loc"]), "reason": one["msg"], "type": one["type"]}
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in errors):
        return problem(400, "json_malformed", "The body is not JSON.", correlation_of(request), {"errors": errors})
    detail = "; ".join(f"{one['at']}: {one['reason']}" for one in errors[:5])
    return problem(422, "request_invalid", detail, correlation_of(request), {"errors": errors})


async def _of_http(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: unknown paths, other methods, bodies that are too large."""
    code = getattr(error, "code", HTTPStatus(error.status_code).name.lower())
    response = problem(error.status_code, code, f"{error.detail}.", correlation_of(request))
    response.headers.update(error.headers or {})
    return response

"""What every request passes on its way in and out: its correlation id, its body's limit, the last resort, numbers."""

import logging
import re
import time
from contextlib import suppress
from functools import lru_cache
from uuid import UUID

from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import problem
from shared.ids import new_id

logger = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
ROSTER_LIMIT = 5 * 1024 * 1024
ROSTER = re.compile("/v1/programs/[^/]+/roster")

CORRELATION_ID = b"x-correlation-id"
SAFE = {b"x-content-type-options": b"nosniff"}
PRIVATE = {**SAFE, b"cache-control": b"no-store"}

REQUESTS = Counter("mentoring_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("mentoring_http_request_seconds", "From request to the answer's first byte", ["method", "route"])


class BodyTooLarge(HTTPException):
    """Raised where the body is read, so that the framework answers."""

    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body may have {limit} bytes at the most")


class Edge:
    """Around the whole application, as ASGI: nothing here buffers a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        answered = 0

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                _finish(message, scope["path"], correlation_id)
                _count(scope, answered, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), answer)
        except ClientDisconnect:
            logger.info("a client went away", extra={"correlation_id": str(correlation_id), "route": _route(scope)})
        except Exception:
            logger.exception("a request failed", extra={"correlation_id": str(correlation_id), "route": _route(scope)})
            if not answered:
                response = problem(500, "internal_error", "Something went wrong here.", correlation_id)
                await response(scope, receive, answer)


def _correlation_id(scope: Scope) -> UUID:
    for name, value in scope["headers"]:
        if name == CORRELATION_ID:
            with suppress(ValueError):
                return UUID(value.decode("latin-1"))
    return new_id()


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Files' bytes, where they come here at all, have limits of their own."""
    if scope["path"].startswith("/v1/blobs/"):
        return receive
    limit = ROSTER_LIMIT if ROSTER.fullmatch(scope["path"]) else BODY_LIMIT
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise BodyTooLarge(limit)
        return message

    return counted


def _finish(message: Message, path: str, correlation_id: UUID) -> None:
    own = {CORRELATION_ID: str(correlation_id).encode(), **(PRIVATE if path.startswith("/v1/") else SAFE)}
    message["headers"] = [header for header in message["headers"] if header[0] not in own] + list(own.items())


def _count(scope: Scope, status: int, seconds: float) -> None:
    requests, histogram = _counters(scope["method"], _route(scope), status)
    requests.inc()
    histogram.observe(seconds)


@lru_cache
def _counters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def _route(scope: Scope) -> str:
    """As it is declared: the path itself may hold a link that opens a file."""
    return getattr(scope.get("route"), "path", "unknown")

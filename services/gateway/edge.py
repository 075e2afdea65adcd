"""What every request passes on its way in and out: its correlation id, its body's limit, the last resort, numbers."""

import logging
import re
import time
from uuid import UUID

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import problem
from shared.ids import new_id

logger = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
ROSTER_LIMIT = 5 * 1024 * 1024
ROSTER = re.compile("/v1/programs/[^/]+/roster")

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
        correlation_id = _correlation_id(Headers(scope=scope))
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


def _correlation_id(headers: Headers) -> UUID:
    try:
        return UUID(headers.get("x-correlation-id", ""))
    except ValueError:
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
    headers = MutableHeaders(scope=message)
    headers["X-Correlation-Id"] = str(correlation_id)
    headers["X-Content-Type-Options"] = "nosniff"
    if path.startswith("/v1/"):
        headers["Cache-Control"] = "no-store"


def _count(scope: Scope, status: int, seconds: float) -> None:
    REQUESTS.labels(scope["method"], _route(scope), status).inc()
    SECONDS.labels(scope["method"], _route(scope)).observe(seconds)


def _route(scope: Scope) -> str:
    """As it is declared: the path itself may hold a link that opens a file."""
    return getattr(scope.get("route"), "path", "unknown")

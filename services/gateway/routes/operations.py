"""For those who run the platform, and for their machines."""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from services.gateway.caller import gateway_of
from shared.database import reading

router = APIRouter(tags=["operations"])


@router.get("/livez")
async def live() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """The views and the log can be read: 503 otherwise. `behind` is how many events the views have yet to take in."""
    gateway = gateway_of(request)
    with reading(gateway.database) as connection:
        connection.execute(select(1))
    behind = max(0, gateway.log.head().position - gateway.progress.position)
    return JSONResponse({"status": "ready", "position": gateway.progress.position, "behind": behind})


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """In Prometheus's text format."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

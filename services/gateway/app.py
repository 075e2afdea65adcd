"""The gateway's application."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from services.gateway import blobs
from services.gateway.edge import Edge
from services.gateway.feed import Feed
from services.gateway.parts import Gateway
from services.gateway.problems import document_problems, handle_problems
from services.gateway.routes import ROUTERS

__all__ = ["Gateway", "create_app"]


def create_app(gateway: Gateway) -> FastAPI:
    routers = [*ROUTERS, blobs.router(gateway.blobs)] if gateway.blobs else ROUTERS
    app = FastAPI(title="Mentoring", version="1", docs_url=None, redoc_url=None, routes=_all_of(routers))
    app.state.gateway = gateway
    app.state.feed = Feed(gateway)
    handle_problems(app)
    document_problems(app)
    app.add_middleware(Edge)
    return app


def _all_of(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    """In one list: an included router is searched anew, and twice, for every request."""
    return [route for router in routers for route in router.routes]

"""The gateway's application."""

from fastapi import FastAPI

from services.gateway import blobs
from services.gateway.edge import Edge
from services.gateway.feed import Feed
from services.gateway.parts import Gateway
from services.gateway.problems import ANY_PROBLEM, document_problems, handle_problems
from services.gateway.routes import ROUTERS

__all__ = ["Gateway", "create_app"]


def create_app(gateway: Gateway) -> FastAPI:
    app = FastAPI(title="Mentoring", version="1", docs_url=None, redoc_url=None)
    app.state.gateway = gateway
    app.state.feed = Feed(gateway)
    for router in ROUTERS:
        app.include_router(router, responses=ANY_PROBLEM)
    if gateway.blobs:
        app.include_router(blobs.router(gateway.blobs), responses=ANY_PROBLEM)
    handle_problems(app)
    document_problems(app)
    app.add_middleware(Edge)
    return app

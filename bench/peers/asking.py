"""A bare FastAPI application that asks a nameko service for a relationship: `uvicorn bench.peers.asking:app`.

This is the gateway of a platform without views. It authenticates as ours does, and asks by our own RPC client in
nameko's wire format, which keeps many calls under way on one connection: a pool of nameko's own clients, each in a
thread, is slower. Told by the environment: MENTORING_BROKER_URL, MENTORING_SECRETS_DIR.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bench.peers.relationship import Relationship
from services.surroundings import settings_of_environment
from shared import clock
from shared.ids import new_id
from shared.keys import load_keys
from shared.messages import Command
from shared.refusals import Unauthenticated
from shared.rpc import RpcBus, ServiceUnavailable
from shared.service import Context
from shared.tokens import Verifier

settings = settings_of_environment()
bus = RpcBus(str(settings.broker_url))
verify = Verifier(load_keys(settings.secrets_dir).verifying())


class Show(Command):
    relationship_id: UUID
    person: UUID | None


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    bus.start()
    yield
    await bus.stop()


app = FastAPI(lifespan=connected)

Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


@app.get("/relationships/{relationship_id}", response_model=Relationship)
async def show(relationship_id: UUID, bearer: Bearer) -> Mapping[str, Any]:
    call = new_id()
    command = Show(at=clock.now(), relationship_id=relationship_id, person=verify(bearer.credentials).person)
    return (await bus.send("relationships", command, Context(call, call))).result


@app.get("/readyz")
async def ready() -> None:
    if not bus.connected:
        raise HTTPException(503)


@app.exception_handler(ServiceUnavailable)
async def unavailable(request: Request, error: Exception) -> Response:
    raise HTTPException(503)


@app.exception_handler(Unauthenticated)
async def unauthenticated(request: Request, error: Exception) -> Response:
    raise HTTPException(401)

"""A bare FastAPI application that reads a relationship's row: `uvicorn bench.peers.reading:app`.

It authenticates as the gateway does, with the platform's own tokens and the code that verifies them. It does not block
its event loop: through FastAPI's threads the same route took a third more of a core.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bench.peers.relationship import Relationship
from bench.peers.row import Rows, Unknown
from services.surroundings import settings_of_environment
from shared.keys import load_keys
from shared.refusals import Unauthenticated
from shared.tokens import Verifier

rows = Rows()
verify = Verifier(load_keys(settings_of_environment().secrets_dir).verifying())
app = FastAPI()

Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


@app.get("/relationships/{relationship_id}", response_model=Relationship)
async def show(relationship_id: UUID, bearer: Bearer) -> dict[str, Any]:
    return await rows.one(relationship_id, verify(bearer.credentials).person)


@app.get("/as_json/{relationship_id}")
async def pass_on(relationship_id: UUID, bearer: Bearer) -> Response:
    found = await rows.as_json(relationship_id, verify(bearer.credentials).person)
    return Response(found, media_type="application/json")


@app.get("/readyz")
async def ready() -> None:
    """It answers."""


@app.exception_handler(Unknown)
async def unknown(request: Request, error: Exception) -> Response:
    raise HTTPException(404)


@app.exception_handler(Unauthenticated)
async def unauthenticated(request: Request, error: Exception) -> Response:
    raise HTTPException(401)

"""A bare FastAPI application that reads a relationship's row: `uvicorn bench.peers.reading:app`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bench.peers.row import Rows, Unknown

rows = Rows()
app = FastAPI()

Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


@app.get("/relationships/{relationship_id}")
def show(relationship_id: UUID, bearer: Bearer) -> dict[str, Any]:
    return rows.one(relationship_id, bearer.credentials)


@app.get("/as_json/{relationship_id}")
def pass_on(relationship_id: UUID, bearer: Bearer) -> Response:
    return Response(rows.as_json(relationship_id, bearer.credentials), media_type="application/json")


@app.get("/readyz")
def ready() -> None:
    """It answers."""


@app.exception_handler(Unknown)
async def unknown(request: Request, error: Exception) -> Response:
    raise HTTPException(404)

"""The object store's two requests, where a folder stands in for it. A link is all that is needed: it says who may."""

from collections.abc import AsyncIterator

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from shared.blobs import PIECE, BlobFolder

UNREAD = 400


def router(blobs: BlobFolder) -> APIRouter:
    routes = APIRouter(prefix="/v1/blobs", tags=["files"])

    @routes.put("/{token}", openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}})
    async def upload(token: str, request: Request) -> Response:
        """Takes just the bytes that the link was made for, with its headers."""
        with blobs.open_put(token, request.headers) as incoming:
            try:
                async for piece in _pieces(request):
                    await to_thread.run_sync(incoming.write, piece)
            except ClientDisconnect:
                return Response(status_code=UNREAD)
            await to_thread.run_sync(incoming.keep)
        return Response()

    @routes.get("/{token}", response_class=FileResponse)
    async def download(token: str) -> FileResponse:
        blob = blobs.open_get(token)
        return FileResponse(blob.path, headers={**blob.headers, "X-Content-Type-Options": "nosniff"})

    return routes


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in larger pieces than it comes in: each one costs a change of threads."""
    piece = bytearray()
    async for chunk in request.stream():
        piece += chunk
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)

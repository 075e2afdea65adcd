"""The gateway's part in the folder's contract: its two routes, served over real HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from services.gateway.blobs import router
from shared.blobs import BlobFolder
from shared.refusals import Refusal

STATUS = {"invalid": 422, "forbidden": 403, "not_found": 404}


@contextmanager
def served(root: Path) -> Iterator[BlobFolder]:
    """A folder of blobs whose links lead to a server of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        blobs = BlobFolder(root, b"a key for links", f"http://127.0.0.1:{port}/v1/blobs")
        server = uvicorn.Server(uvicorn.Config(_app(blobs), log_level="warning", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            _await_start(server)
            yield blobs
        finally:
            server.should_exit = True
            thread.join()


def _app(blobs: BlobFolder) -> FastAPI:
    app = FastAPI()
    app.include_router(router(blobs))

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse(refusal.to_wire(), STATUS[refusal.kind])

    return app


def _await_start(server: uvicorn.Server) -> None:
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)

"""Serving the gateway over HTTP until its process is told to end."""

import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from shared.looping import collect_seldom, end_anyway
from shared.settings import Settings

GRACE_SECONDS = 5


def serve(app: FastAPI, settings: Settings, on_start: Callable[[], None] = lambda: None) -> None:
    """Until SIGINT or SIGTERM; live feeds are cut after a grace."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server raises again what made it end: let it end well
    collect_seldom()
    _Server(config, on_start).run()


class _Server(uvicorn.Server):
    """Says when it answers, and ends when it is told to."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_anyway(2 * GRACE_SECONDS)
        await super().shutdown(sockets)

"""What each command line does. Every function returns the exit status."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from services import platform
from services.gateway.app import create_app
from services.gateway.following import Progress, checkpoint, follow, listen
from services.gateway.rebuild import rebuild as rebuild_views
from services.gateway.views import projections
from services.surroundings import settings_of_environment
from shared import telemetry
from shared.parts import Parts
from shared.relay import Relay
from shared.rpc import RpcBus
from shared.settings import Settings

GRACE_SECONDS = 5
DATABASE = "MENTORING_DATABASE_URL"


def run(port: int, folder: Path) -> int:
    """The embedded platform, until Ctrl-C."""
    settings = platform.embedded_settings(folder, port)
    telemetry.configure("WARNING", "embedded")
    with platform.embedded(settings) as app:
        _serve(app, settings, partial(_welcome, settings))
    return 0


def init() -> int:
    settings = settings_of_environment()
    platform.install(settings)
    email, password = platform.coordinator(settings)
    print(f"installed; the coordinator is {email}, the password is in {password}")
    return 0


def rebuild(verify: bool, folder: Path) -> int:
    """0 when every rebuilt view equals the live one."""
    parts = Parts(settings_of_environment() if DATABASE in os.environ else platform.embedded_settings(folder), "views")
    report = rebuild_views(parts.log, parts.database, projections(parts.vault))
    parts.close()
    verdict = "every view equals its rebuild" if report.equal else f"differing: {', '.join(report.differing)}"
    print(
        f"{report.events} events, {report.relationships} relationships, rebuilt in {report.seconds:.2f} s"
        f" ({report.events_per_second:,.0f} events/s): {verdict}"
    )
    return 0 if report.equal else 1


def start(process: str) -> int:
    """One process of the distributed platform, until SIGTERM."""
    settings = settings_of_environment()
    telemetry.configure(settings.log_level, process)
    stop = threading.Event()
    match process:
        case "gateway":
            _gateway(settings, stop)
        case "views":
            _views(settings, stop)
        case "relay":
            _relay(settings, stop)
        case _:
            print(f"there is no process {process!r}", file=sys.stderr)
            return 2
    return 0


def _gateway(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "views")
    progress = Progress()
    bus = RpcBus(str(settings.broker_url))
    listening = partial(listen, parts.database, projections(parts.vault), progress, stop)
    threading.Thread(target=listening, name="progress", daemon=True).start()
    app = create_app(platform.gateway(parts, bus, progress))
    app.router.on_startup.append(bus.start)
    app.router.on_shutdown.append(bus.stop)
    _serve(app, settings)
    stop.set()


def _views(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "views")
    views = projections(parts.vault)
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: checkpoint(parts.database, views) >= 0)
    _until_told(stop)
    follow(parts.log, parts.database, views, stop)
    parts.close()


def _relay(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "relay")
    relay = Relay(parts.log, parts.database, str(settings.broker_url))
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: relay.ready)
    _until_told(stop)
    relay.run(stop)
    parts.close()


def _until_told(stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: threading.Thread(target=stop.set).start()
        )  # what it interrupts may hold its lock


def _welcome(settings: Settings) -> None:
    email, password = platform.coordinator(settings)
    print(f"\n  The platform     {settings.public_url}")
    print(f"  Its API to try   {settings.public_url}/docs")
    print(f"  Sign in as       {email}")
    print(f"  with password    {settings.coordinator_password or password.read_text()}")
    print(f"  Its data         {settings.data_dir}   (Ctrl-C ends it)\n", flush=True)


def _serve(app: FastAPI, settings: Settings, on_start: Callable[[], None] = lambda: None) -> None:
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
    _Server(config, on_start).run()


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()

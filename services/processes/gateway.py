"""The HTTP API."""

import threading
from functools import partial

from services import platform
from services.gateway.app import create_app
from services.gateway.following import Progress, listen
from services.gateway.views import projections
from services.processes import prepared
from services.serving import serve
from shared.parts import Parts
from shared.rpc import RpcBus


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = prepared(process)
    stop = threading.Event()
    parts = Parts(settings, "views")
    progress = Progress()
    bus = RpcBus(str(settings.broker_url))
    listening = partial(listen, parts.database, projections(parts.vault), progress, stop)
    threading.Thread(target=listening, name="progress", daemon=True).start()
    gateway = platform.gateway(parts, bus, progress)
    app = create_app(gateway)
    app.router.on_startup.append(bus.start)
    app.router.on_shutdown += [bus.stop, gateway.lookup.close]
    serve(app, settings)
    stop.set()

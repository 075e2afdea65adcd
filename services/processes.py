"""The gateway, the views, the relay and the webhooks, each in a process of its own."""

import signal
import threading
from functools import partial

from services import platform
from services.gateway.app import create_app
from services.gateway.following import Progress, Trouble, checkpoint, follow, listen
from services.gateway.views import projections
from services.serving import serve
from services.surroundings import settings_of_environment
from services.webhooks.service import Webhooks
from shared import telemetry
from shared.parts import Parts
from shared.relay import Relay
from shared.rpc import RpcBus
from shared.settings import Settings


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = settings_of_environment()
    telemetry.configure(settings.log_level, process)
    PROCESSES[process](settings, threading.Event())


def _gateway(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "views")
    progress = Progress()
    bus = RpcBus(str(settings.broker_url))
    listening = partial(listen, parts.database, projections(parts.vault), progress, stop)
    threading.Thread(target=listening, name="progress", daemon=True).start()
    app = create_app(platform.gateway(parts, bus, progress))
    app.router.on_startup.append(bus.start)
    app.router.on_shutdown.append(bus.stop)
    serve(app, settings)
    stop.set()


def _views(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "views")
    views = projections(parts.vault)
    trouble = Trouble()

    def ready() -> bool:
        return trouble.at is None and checkpoint(parts.database, views) >= 0

    telemetry.serve(settings.metrics_host, settings.metrics_port, ready)
    _until_told(stop)
    follow(parts.log, parts.database, views, stop, trouble=trouble)
    parts.close()


def _relay(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "relay")
    relay = Relay(parts.log, parts.database, str(settings.broker_url))
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: relay.ready)
    _until_told(stop)
    relay.run(stop)
    parts.close()


def _webhooks(settings: Settings, stop: threading.Event) -> None:
    parts = Parts(settings, "webhooks")
    webhooks = Webhooks(parts)
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: webhooks.ready)
    _until_told(stop)
    webhooks.run(stop)
    parts.close()


def _until_told(stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: threading.Thread(target=stop.set).start()
        )  # what it interrupts may hold its lock


PROCESSES = {"gateway": _gateway, "views": _views, "relay": _relay, "webhooks": _webhooks}

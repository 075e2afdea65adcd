"""The processes of the distributed platform, a module each, so that none imports what another needs."""

import signal
import threading

from services.surroundings import settings_of_environment
from shared import telemetry
from shared.settings import Settings


def prepared(process: str) -> Settings:
    """Its settings, with its log configured."""
    settings = settings_of_environment()
    telemetry.configure(settings.log_level, process)
    return settings


def until_told() -> threading.Event:
    """Set at SIGTERM or SIGINT: by a thread, for what the signal interrupts may hold the event's lock."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop

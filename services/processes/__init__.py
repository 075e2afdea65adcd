"""The processes of the distributed platform, a module each, so that none imports what another needs."""

import signal
import threading

from services.surroundings import settings_of_environment
from shared import telemetry
from shared.looping import collect_seldom, end_anyway
from shared.settings import Settings

GRACE_SECONDS = 8.0


def prepared(process: str) -> Settings:
    """Its settings, with its log and its memory configured."""
    collect_seldom()
    settings = settings_of_environment()
    telemetry.configure(settings.log_level, process)
    return settings


def until_told() -> threading.Event:
    """Set at SIGTERM or SIGINT: by a thread, for what the signal interrupts may hold the event's lock."""
    stop = threading.Event()

    def end(*_: object) -> None:
        threading.Thread(target=stop.set).start()
        end_anyway(GRACE_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop

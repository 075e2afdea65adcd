"""One of the five services in a process of its own."""

from services.assembly import assemble
from services.surroundings import settings_of_environment
from shared import hosting, telemetry
from shared.parts import Parts


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = settings_of_environment()
    telemetry.configure(settings.log_level, process)
    parts = Parts(settings, process)
    hosting.host(parts, assemble(process, parts))

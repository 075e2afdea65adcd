"""Keeps the gateway's tables up with the log."""

from services.gateway.following import Trouble, checkpoint, follow
from services.gateway.views import projections
from services.processes import prepared, until_told
from shared import telemetry
from shared.parts import Parts


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = prepared(process)
    parts = Parts(settings, "views")
    views = projections(parts.vault)
    trouble = Trouble()

    def ready() -> bool:
        return trouble.at is None and checkpoint(parts.database, views) >= 0

    telemetry.serve(settings.metrics_host, settings.metrics_port, ready)
    follow(parts.log, parts.database, views, until_told(), trouble=trouble)
    parts.close()

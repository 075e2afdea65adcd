"""Posts each programme's events to its webhooks."""

from services.processes import prepared, until_told
from services.webhooks.service import Webhooks
from shared import telemetry
from shared.parts import Parts


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = prepared(process)
    parts = Parts(settings, "webhooks")
    webhooks = Webhooks(parts)
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: webhooks.ready)
    webhooks.run(until_told())
    parts.close()

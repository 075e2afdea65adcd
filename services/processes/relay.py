"""Publishes the log to RabbitMQ."""

from services.processes import prepared, until_told
from shared import telemetry
from shared.parts import Parts
from shared.relay import Relay


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = prepared(process)
    parts = Parts(settings, "relay")
    relay = Relay(parts.log, parts.database, str(settings.broker_url))
    telemetry.serve(settings.metrics_host, settings.metrics_port, lambda: relay.ready)
    relay.run(until_told())
    parts.close()

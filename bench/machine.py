"""What the numbers were measured on, and what the servers promised meanwhile: the same to both sides."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from bench.place import connect
from deploy.servers import Servers
from shared import broker

Facts = dict[str, str]

PACKAGES = ("amqp", "eventlet", "eventsourcing", "fastapi", "kombu", "nameko", "psycopg", "sqlalchemy", "uvicorn")
PROMISES = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")
CONFIRMED = "persistent messages, quorum queues, publisher confirms"


def surroundings(servers: Servers) -> dict[str, Facts]:
    """Of the servers, those that run."""
    machine = {"cpu": _cpu(), "cores": str(os.cpu_count()), "system": platform.platform()}
    versions = {"python": platform.python_version()} | {package: version(package) for package in PACKAGES}
    durability = {}
    if servers.postgres.running:
        with connect(servers.environment["MENTORING_DATABASE_URL"]) as connection:
            versions["postgresql"] = connection.info.parameter_status("server_version") or ""
            for name in PROMISES:
                (durability[name],) = connection.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",)
    if servers.rabbitmq.running:
        with broker.connected(servers.environment["MENTORING_BROKER_URL"]) as connection:
            versions["rabbitmq"] = connection.server_properties["version"]
        durability["rabbitmq"] = CONFIRMED
    return {"machine": machine, "versions": versions, "durability": durability}


def _cpu() -> str:
    described = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return next((model.strip() for key, _, model in described if key.startswith("model name")), platform.processor())

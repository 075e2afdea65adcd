"""What the numbers were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")


def machine() -> dict[str, Any]:
    return {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.platform()}


def versions() -> dict[str, str]:
    packages = ("eventlet", "eventsourcing", "psycopg", "sqlalchemy")
    return {"python": platform.python_version()} | {package: version(package) for package in packages}


def durability(connection: psycopg.Connection) -> dict[str, str]:
    """The server's version and what it promises about a commit: the same for both sides."""
    settings = {"server_version": connection.info.parameter_status("server_version") or ""}
    for name in DURABILITY:
        (settings[name],) = connection.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",)
    return settings


def _cpu() -> str:
    described = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return next((model.strip() for key, _, model in described if key.startswith("model name")), platform.processor())

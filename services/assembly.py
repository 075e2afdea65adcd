"""Which services there are, and how one is made."""

import importlib

from shared.parts import Parts
from shared.service import Service

SERVICES = ("identity", "matching", "messaging", "goals", "files")
OWNERS = (*SERVICES, "views", "relay", "webhooks", "vault")


def assemble(name: str, parts: Parts) -> Service:
    service: Service = importlib.import_module(f"services.{name}.service").assemble(parts)
    return service

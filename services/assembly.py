"""Which services there are, and how one is made."""

import importlib

from shared.parts import Parts
from shared.service import Service

SERVICES = ("identity", "matching", "messaging", "goals", "files")
READERS = ("views", "proof", "relay", "webhooks", "vault")
OWNERS = (*SERVICES, *READERS)


def assemble(name: str, parts: Parts) -> Service:
    service: Service = importlib.import_module(f"services.{name}.service").assemble(parts)
    return service

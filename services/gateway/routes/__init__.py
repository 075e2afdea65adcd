"""The API: a module per resource, each with its `router`."""

import importlib
import pkgutil

from fastapi import APIRouter

ROUTERS: list[APIRouter] = [
    importlib.import_module(f"{__name__}.{found.name}").router for found in pkgutil.iter_modules(__path__)
]

"""The API: a module per resource, each with its `router`.

A request is compared with one route after the other, so those of the resources that are asked for most stand first.
"""

import importlib
import pkgutil

from fastapi import APIRouter

ASKED_MOST = ("relationships", "messages", "goals")

_OTHERS = (found.name for found in pkgutil.iter_modules(__path__) if found.name not in ASKED_MOST)

ROUTERS: list[APIRouter] = [importlib.import_module(f"{__name__}.{name}").router for name in (*ASKED_MOST, *_OTHERS)]

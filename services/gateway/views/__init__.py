"""What reads are answered from: a module per resource with its table, its fold, and the questions asked of it.

A module's `VIEW` keeps personal values sealed; its `OPENED` has them in plain, where they must be searched or scored.
"""

import importlib
import pkgutil
from types import ModuleType

from services.gateway.catalogue import CATALOGUE
from services.identity import events as identity
from shared.messages import Catalogue, Sealer
from shared.projection import Projection, View

_MODULES: list[ModuleType] = [
    importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
]

VIEWS: list[View] = [module.VIEW for module in _MODULES if hasattr(module, "VIEW")]
OPENED: list[View] = [module.OPENED for module in _MODULES if hasattr(module, "OPENED")]


def projections(vault: Sealer) -> tuple[Projection, ...]:
    """All that the gateway reads. Only identity's events arrive opened."""
    return (
        Projection("views", VIEWS, CATALOGUE),
        Projection("profiles", OPENED, Catalogue(identity), vault),
    )

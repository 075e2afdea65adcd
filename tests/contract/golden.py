"""One example of every event, the same each time, and its text in the log.

`python -m tests.contract.golden` writes the samples that are missing; one that is there is never written again.
"""

import importlib
import pkgutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID, uuid5

import orjson
from pydantic import AwareDatetime, BaseModel

import services
from shared.ids import NIL
from shared.messages import SEALED, Event, encode

SAMPLES = Path(__file__).parent / "samples"
EVENT_ID = uuid5(NIL, "event")
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CONSUMERS = ("heard", "policies", "directory")


class OpenSealer:
    """A `Sealer` without a key, so that samples never change: anybody can open what it seals."""

    def seal(self, values: Mapping[str, tuple[UUID, Any]], event_id: UUID) -> dict[str, str]:
        return {
            field: f"{SEALED}{person}:{event_id}:{field}:{urlsafe_b64encode(orjson.dumps(value)).decode()}"
            for field, (person, value) in values.items()
        }

    def open(self, sealed: str) -> Any:
        return orjson.loads(urlsafe_b64decode(sealed.rsplit(":", maxsplit=1)[-1]))

    def fetch(self, persons: Collection[UUID]) -> None:
        """There are no keys."""


SEALER = OpenSealer()


def golden(kind: type[Event]) -> Event:
    """The example: each value follows from its field's name and type alone."""
    return kind.model_validate(_fields(kind))


def written(event: Event) -> str:
    return encode(event, EVENT_ID, SEALER)


def published() -> list[type[Event]]:
    """Every event that any service publishes."""
    return [kind for module in _modules(("events",)) for kind in _defined_in(module)]


def heard() -> list[type[Event]]:
    """Every event as some other service reads it."""
    return [kind for module in _modules(CONSUMERS) for kind in _defined_in(module)]


def sample_of(kind: type[Event], version: int | None = None) -> Path:
    return SAMPLES / f"{kind.type}.v{version or kind.schema_version}.json"


def write_missing() -> list[Path]:
    missing = [kind for kind in published() if not sample_of(kind).exists()]
    for kind in missing:
        sample_of(kind).write_text(written(golden(kind)) + "\n")
    return [sample_of(kind) for kind in missing]


def _fields(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(name, field.annotation) for name, field in kind.model_fields.items()}


def _value(name: str, of: Any) -> Any:
    origin, arguments = get_origin(of), get_args(of)
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return (_value(name, arguments[0]),)
    if origin in (Union, UnionType):
        return _value(name, next(one for one in arguments if one is not NoneType))
    if isinstance(of, type) and issubclass(of, BaseModel):
        return _fields(of)
    return {
        UUID: uuid5(NIL, name),
        str: name.replace("_", " "),
        int: 3,
        float: 2.5,
        bool: True,
        date: date(2027, 3, 31),
        AwareDatetime: NOW,
    }[of]


def _modules(names: tuple[str, ...]) -> Iterator[ModuleType]:
    for package in pkgutil.iter_modules(services.__path__, "services."):
        if package.ispkg:
            paths = importlib.import_module(package.name).__path__
            for module in pkgutil.iter_modules(paths, f"{package.name}."):
                if module.name.rsplit(".", 1)[-1] in names:
                    yield importlib.import_module(module.name)


def _defined_in(module: ModuleType) -> list[type[Event]]:
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Event) and kind.__module__ == module.__name__
    ]


if __name__ == "__main__":
    for path in write_missing():
        print(f"written: {path.name}")

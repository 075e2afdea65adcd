"""Every type of event that the platform publishes, with the schema of each of its versions.

The schemas are files beside this module: what was published once stays, also when the code has moved on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from services.files import events as files
from services.goals import events as goals
from services.identity import events as identity
from services.matching import events as matching
from services.messaging import events as messaging
from shared.messages import Catalogue, Event
from shared.schemas import breaks, schema_id, schema_of

CATALOGUE = Catalogue(identity, matching, messaging, goals, files)
SCHEMAS = Path(__file__).parent / "schemas"
REFUSED = "that is another version: give {type} schema_version={next}, an upcaster from {version}, and a new sample"


@dataclass(frozen=True)
class EventType:
    """`version` is what is written now; what was written under the earlier `versions` can still be read."""

    type: str
    service: str
    version: int
    versions: tuple[int, ...]
    description: str
    personal: tuple[str, ...]


@cache
def event_types() -> tuple[EventType, ...]:
    """By name."""
    return tuple(_described(kind) for _, kind in sorted(CATALOGUE.types.items()))


@cache
def schema(event_type: str, version: int) -> dict[str, Any] | None:
    """None for what was never published."""
    kind = CATALOGUE.types.get(event_type)
    if kind is None or not 1 <= version <= kind.schema_version:
        return None
    found: dict[str, Any] = orjson.loads(_file(event_type, version).read_bytes())
    return found


def current(kind: type[Event]) -> dict[str, Any]:
    """The schema as the code has it."""
    return schema_of(kind, schema_id(kind.type, kind.schema_version))


def write(folder: Path = SCHEMAS) -> list[str]:
    """Brings the files up to date. Writes none when a change is not compatible: then these are the reasons."""
    if wrong := list(incompatible(folder)):
        return wrong
    folder.mkdir(exist_ok=True)
    for kind in CATALOGUE.types.values():
        _file(kind.type, kind.schema_version, folder).write_bytes(to_text(current(kind)))
    return []


def incompatible(folder: Path = SCHEMAS, catalogue: Catalogue = CATALOGUE) -> Iterator[str]:
    """A sentence for everything that those who read the published schemas do not go with."""
    for kind in catalogue.types.values():
        name, version = kind.type, kind.schema_version
        for earlier in range(1, version):
            if not _file(name, earlier, folder).exists():
                yield f"{name}: the schema of its version {earlier} is missing"
            if earlier not in kind.upcasters:
                yield f"{name}: an upcaster from version {earlier} is missing"
        file = _file(name, version, folder)
        wrong = list(breaks(orjson.loads(file.read_bytes()), current(kind))) if file.exists() else []
        if wrong:
            todo = REFUSED.format(type=name, version=version, next=version + 1)
            yield f"{name}, version {version}: {'; '.join(wrong)}: {todo}"
    for file in sorted(folder.glob("*.json")):
        name, _, number = file.stem.rpartition(".v")
        if name not in catalogue.types or int(number) > catalogue.types[name].schema_version:
            yield f"{file.stem} was published and is no longer known: it stays in logs for good"


def outdated(folder: Path = SCHEMAS) -> Iterator[str]:
    """A sentence for every type whose file is not what the code says."""
    for kind in CATALOGUE.types.values():
        file = _file(kind.type, kind.schema_version, folder)
        if not file.exists() or file.read_bytes() != to_text(current(kind)):
            yield f"{file.name} is not up to date: `python -m services catalogue write`, and keep it for good"


def to_text(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _described(kind: type[Event]) -> EventType:
    return EventType(
        type=kind.type,
        service=kind.type.split(".", 1)[0],
        version=kind.schema_version,
        versions=tuple(range(1, kind.schema_version + 1)),
        description=" ".join((kind.__doc__ or "").split()),
        personal=tuple(kind.personal_fields()),
    )


def _file(event_type: str, version: int, folder: Path = SCHEMAS) -> Path:
    return folder / f"{event_type}.v{version}.json"

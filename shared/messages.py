"""Commands (wishes), events (facts) and how an event becomes the log's JSON text and comes back."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Protocol
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from shared.log import Entry, Recorded

SEALED = "sealed:1:"
_SEALED_FOR = re.compile(f"{SEALED}([0-9a-f-]{{36}}):")


class Sealed(str):
    """A personal value as it stands in the log: only its person's key opens it."""


class Personal:
    """Marks an event's field as personal data: `Annotated[str, Personal("author_id")]`.

    `of` names the event's field that holds the person whose key seals it. Read back without a key, the value is a
    `Sealed` string whatever the field's type.
    """

    def __init__(self, of: str) -> None:
        self.of = of

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def unless_sealed(value: Any, validate: Callable[[Any], Any]) -> Any:
            return Sealed(value) if isinstance(value, str) and value.startswith(SEALED) else validate(value)

        return core_schema.no_info_wrap_validator_function(unless_sealed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": f"^{SEALED}"}], "x-personal-of": self.of}


class Command(BaseModel):
    """A wish. `at` is when the asker asked; a wish from the future is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    at: AwareDatetime


class VersionUnknown(Exception):
    """An event in a version that this code cannot read: usually a newer one, written by a later release."""

    def __init__(self, kind: "type[Event]", version: int) -> None:
        super().__init__(f"{kind.type} version {version}: {kind.__module__} reads version {kind.schema_version}")


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Event(BaseModel):
    """A fact, in its latest schema version: `class RequestMade(Event, type="matching.request_made")`.

    A consumer declares its own class of the same `type` with just the fields that it reads. `upcasters[n]` turns
    version n's data into version n + 1's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    schema_version: ClassVar[int]
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}

    def __init_subclass__(cls, *, type: str, schema_version: int = 1) -> None:  # noqa: A002 - the field's word
        super().__init_subclass__()
        cls.type = type
        cls.schema_version = schema_version

    @classmethod
    @cache
    def personal_fields(cls) -> dict[str, str]:
        """Personal field → the field that holds its person."""
        return {
            name: mark.of
            for name, field in cls.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Personal)
        }


class Sealer(Protocol):
    """Personal values ⇄ sealed ones. `open` leaves a value whose key is gone as it is."""

    def seal(self, values: Mapping[str, tuple[UUID, Any]], event_id: UUID) -> dict[str, str]:
        """Field → (person, JSON value) becomes field → sealed text."""
        ...

    def open(self, sealed: str) -> Any: ...

    def fetch(self, persons: Collection[UUID]) -> None:
        """Announces whose values are about to be opened, so that nobody's key has to be asked for alone."""
        ...


def sealed_for(data: str) -> set[UUID]:
    """The persons whose sealed values stand in an event's JSON text."""
    return set(map(UUID, _SEALED_FOR.findall(data)))


class Catalogue:
    """The event types that somebody knows: those defined in `sources` (modules or classes)."""

    def __init__(self, *sources: ModuleType | type[Event]) -> None:
        self.types: dict[str, type[Event]] = {kind.type: kind for source in sources for kind in _events_in(source)}

    def bare(self, kind: str) -> Event:
        """An event of this type without its values: for who needs to know no more than that it happened."""
        return self.types[kind].model_construct()

    def decode(self, recorded: Recorded | Entry, sealer: Sealer | None = None) -> Event | None:
        """The event; None for a type not known here. With a `sealer` its personal values are opened.

        Raises `VersionUnknown`: to guess at what a later version means would be worse than to wait for the release.
        """
        kind = self.types.get(recorded.type)
        if kind is None:
            return None
        if recorded.schema_version == kind.schema_version and not (sealer and kind.personal_fields()):
            event: Event = kind.__pydantic_validator__.validate_json(recorded.data)
            return event
        data = _upcast(kind, recorded.schema_version, orjson.loads(recorded.data))
        if sealer:
            for name in kind.personal_fields():
                if isinstance(value := data.get(name), str) and value.startswith(SEALED):
                    data[name] = sealer.open(value)
        return kind.model_validate(data)


def _upcast(kind: type[Event], written: int, data: dict[str, Any]) -> dict[str, Any]:
    steps = range(written, kind.schema_version)
    if written > kind.schema_version or not set(steps) <= set(kind.upcasters):
        raise VersionUnknown(kind, written)
    for version in steps:
        data = kind.upcasters[version](data)
    return data


def encode(event: Event, event_id: UUID, sealer: Sealer) -> str:
    """The event's JSON text for the log, personal values sealed. None needs no seal."""
    data = event.model_dump(mode="json")
    personal = {
        name: (getattr(event, of), data[name]) for name, of in event.personal_fields().items() if data[name] is not None
    }
    if personal:
        data.update(sealer.seal(personal, event_id))
    return orjson.dumps(data).decode()


def commands_in(module: ModuleType) -> list[type[Command]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Command) and kind is not Command
    ]


def _events_in(source: ModuleType | type[Event]) -> Iterable[type[Event]]:
    if isinstance(source, ModuleType):
        return [k for _, k in inspect.getmembers(source, inspect.isclass) if issubclass(k, Event) and k is not Event]
    return [source]

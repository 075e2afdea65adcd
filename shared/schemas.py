"""What an event's data looks like, as JSON Schema, and whether a change of it breaks those who read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

Schema = Mapping[str, Any]

SAYS_NOTHING = {"$schema", "$id", "title", "description", "default", "examples"}
HANDLED = {"properties", "required", "items", "anyOf", "enum", "const"}
NOT_THERE = "absent"


class Untitled(GenerateJsonSchema):
    """A field's name needs no title beside it."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_id(event_type: str, version: int) -> str:
    """The `dataschema` of an event."""
    return f"urn:mentoring:{event_type}:{version}"


def schema_of(kind: type[BaseModel], identity: str) -> dict[str, Any]:
    """A field with a default is not required: events that are older than it lack it."""
    schema = inlined(kind.model_json_schema(schema_generator=Untitled))
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": identity, **schema}


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Each definition in the place where it is referred to."""
    definitions = schema.get("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return resolve(definitions[part["$ref"].rsplit("/", 1)[-1]])
            return {name: resolve(value) for name, value in part.items() if name != "$defs"}
        return [resolve(one) for one in part] if isinstance(part, list) else part

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def breaks(old: Schema, new: Schema, at: str = "data") -> Iterator[str]:
    """What in `new` a reader of `old`, or an event written under `old`, does not go with.

    A field may be added when events may lack it, and an enumeration may grow. Nothing else may change.
    """
    yield from _fields(old, new, at)
    yield from _values(old, new, at)
    if "items" in old and "items" in new:
        yield from breaks(old["items"], new["items"], f"{at}[]")
    yield from _choices(old.get("anyOf", []), new.get("anyOf", []), at)
    for keyword in sorted((old.keys() | new.keys()) - SAYS_NOTHING - HANDLED):
        before, now = old.get(keyword, NOT_THERE), new.get(keyword, NOT_THERE)
        if before != now:
            yield f"{at}: {keyword} was {before} and is {now}"


def _fields(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, now = old.get("properties", {}), new.get("properties", {})
    for name, field in before.items():
        if name in now:
            yield from breaks(field, now[name], f"{at}.{name}")
        else:
            yield f"{at}.{name} is gone"
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{at}.{name} is required, and older events need not have it"


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, now = _allowed(old), _allowed(new)
    if (before is None) != (now is None):
        yield f"{at}: its values were {before or 'free'} and are {now or 'free'}"
    elif before and now:
        for value in sorted(before - now):
            yield f"{at} may no longer be {value!r}"


def _allowed(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _choices(old: list[Schema], new: list[Schema], at: str) -> Iterator[str]:
    if len(old) != len(new):
        yield f"{at}: it was one of {len(old)} kinds of value and is one of {len(new)}"
        return
    for before, now in zip(old, new, strict=True):
        yield from breaks(before, now, at)

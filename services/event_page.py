"""The catalogue of events as a page to read, each with a sample of what is written."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson

from services.registry import EventType, event_types, schema

INTRODUCTION = """\
# Events

Everything that the platform publishes, written by `python -m services catalogue write`. Each comes in
[the same envelope](subscribing.md), which [asyncapi.json](asyncapi.json) describes for machines; here is what its
`data` holds. `GET /v1/event-types` answers the same; an event's `dataschema` stands for the schema that is named here.

A field may be added to a version, and a value to an enumeration: ignore those that you do not know. Any other change
is a new version. A personal value is sealed with the key of the person whom the field in brackets names.
"""


def page(samples: Path) -> str:
    """`samples` is the folder with one sample of each version of each type."""
    parts = [INTRODUCTION]
    for service, types in groupby(event_types(), attrgetter("service")):
        parts.append(f"\n## {service}\n")
        parts.extend(_section(one, samples) for one in types)
    return "".join(parts)


def _section(one: EventType, samples: Path) -> str:
    schemas = ", ".join(f"[version {n}](../services/schemas/{one.type}.v{n}.json)" for n in reversed(one.versions))
    sample = orjson.dumps(
        orjson.loads((samples / f"{one.type}.v{one.version}.json").read_bytes()), option=orjson.OPT_INDENT_2
    )
    told = f"{one.description} " if one.description else ""
    rows = "\n".join(_rows(schema(one.type, one.version) or {}))
    return (
        f"\n### {one.type}\n\n{told}Schema: {schemas}.\n\n"
        f"| field | value |\n|---|---|\n{rows}\n\n```json\n{sample.decode()}\n```\n"
    )


def _rows(data: dict[str, Any]) -> Iterator[str]:
    for name, field in data["properties"].items():
        optional = "" if name in data["required"] else "; may be absent"
        yield f"| `{name}` | {_value(field)}{optional} |"


def _value(field: dict[str, Any]) -> str:
    if "x-personal-of" in field:
        return f"{_value(field['anyOf'][0])}, personal (`{field['x-personal-of']}`)"
    if "anyOf" in field:
        return " or ".join(_value(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if field["type"] == "array":
        return f"list of {_value(field['items'])}"
    return str(field.get("format", field["type"]))

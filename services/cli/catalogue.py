"""The types of events: their schemas, an AsyncAPI document, a page; and whether a change of them is compatible."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from services import asyncapi, event_page, registry

DOCS = Path(__file__).parents[2] / "docs"
SAMPLES = Path(__file__).parents[2] / "tests" / "contract" / "samples"


def arguments(parser: ArgumentParser) -> None:
    show = parser.add_subparsers(dest="what", required=True)
    schema = show.add_parser("schema", help="the JSON Schema of a type's data")
    schema.add_argument("type")
    schema.add_argument("--version", type=int)
    show.add_parser("asyncapi", help="what is told over RabbitMQ, for machines")
    show.add_parser("page", help="the page with every type and a sample")
    show.add_parser("write", help="bring the schemas and the documents up to date; refuses incompatible changes")
    show.add_parser("check", help="whether the schemas and the documents are up to date")


def main(what: str, type: str = "", version: int | None = None) -> int:  # noqa: A002 - as it is asked for
    if what == "write":
        return _write()
    if what == "check":
        return _check()
    sys.stdout.write(_schema(type, version) if what == "schema" else documents()[what].decode())
    return 0


def documents() -> dict[str, bytes]:
    return {"asyncapi": registry.to_text(asyncapi.document()), "page": event_page.page(SAMPLES).encode()}


def _schema(event_type: str, version: int | None) -> str:
    """Raises ValueError for a type or a version that was never published."""
    kinds = {one.type: one.version for one in registry.event_types()}
    found = registry.schema(event_type, version or kinds.get(event_type, 1))
    if found is None:
        raise ValueError(f"there is no {event_type} of version {version or 1}")
    return registry.to_text(found).decode()


def _write() -> int:
    if wrong := registry.write():
        return _refuse(wrong)
    registry.schema.cache_clear()
    for name, text in documents().items():
        _file(name).write_bytes(text)
    return 0


def _check() -> int:
    if wrong := [*registry.incompatible()] or [*registry.outdated()]:
        return _refuse(wrong)
    old = [name for name, text in documents().items() if not _file(name).exists() or _file(name).read_bytes() != text]
    return _refuse([f"docs/{_file(name).name} is not up to date: `python -m services catalogue write`" for name in old])


def _refuse(wrong: list[str]) -> int:
    for reason in wrong:
        print(reason, file=sys.stderr)
    return 1 if wrong else 0


def _file(name: str) -> Path:
    return DOCS / {"asyncapi": "asyncapi.json", "page": "events.md"}[name]

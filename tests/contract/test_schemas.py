"""What was published can be read for good: an event's schema changes by addition only.

`python -m services catalogue write` adds what is new; what it refuses needs another version.
"""

import shutil
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from pydantic import create_model

from services import registry
from services.cli import catalogue
from shared.messages import Catalogue, Event, Personal
from shared.schemas import breaks
from tests.contract.golden import SAMPLES

SCHEMA_2020_12 = "https://json-schema.org/draft/2020-12/schema"


class Before(Event, type="toy.happened"):
    """As it was published."""

    toy_id: UUID
    times: int
    mood: Literal["glad", "sad"]
    note: Annotated[str, Personal("toy_id")]
    tags: tuple[str, ...]


def fields(**changes: Any) -> dict[str, Any]:
    return {name: (field.annotation, ...) for name, field in Before.model_fields.items() if name != "note"} | {
        "note": (Annotated[str, Personal("toy_id")], ...),
        **changes,
    }


def changed(version: int = 1, **changes: Any) -> type[Event]:
    """The same event with some fields otherwise; None leaves a field out."""
    kept = {name: field for name, field in fields(**changes).items() if field is not None}
    described = {"type": "toy.happened", "schema_version": version}
    made: type[Event] = create_model("After", __base__=Event, __cls_kwargs__=described, **kept)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.happened.v1.json").write_bytes(registry.to_text(registry.current(Before)))
    return tmp_path


def refused(folder: Path, kind: type[Event]) -> str:
    return "\n".join(registry.incompatible(folder, Catalogue(kind)))


@pytest.mark.parametrize(
    "after",
    [
        changed(),
        changed(where=(str, "")),
        changed(where=(str | None, None)),
        changed(mood=(Literal["glad", "sad", "tired"], ...)),
        changed(times=(int, 1)),
    ],
    ids=["nothing", "a field with a default", "a field that may be null", "one more value", "a default"],
)
def test_an_addition_passes(folder: Path, after: type[Event]) -> None:
    assert refused(folder, after) == ""


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (changed(times=None), "data.times is gone"),
        (changed(times=(str, ...)), "data.times: type was integer and is string"),
        (changed(times=(int | None, ...)), "data.times"),
        (changed(where=(str, ...)), "data.where is required, and older events need not have it"),
        (changed(mood=(Literal["glad"], ...)), "data.mood may no longer be 'sad'"),
        (changed(mood=(str, ...)), "data.mood: its values were"),
        (changed(toy_id=(str, ...)), "data.toy_id: format was uuid and is absent"),
        (changed(note=(str, ...)), "data.note"),
        (changed(tags=(tuple[int, ...], ...)), "data.tags[]: type was string and is integer"),
    ],
    ids=["removed", "type", "nullable", "required", "narrowed", "freed", "format", "no longer sealed", "items"],
)
def test_an_incompatible_change_is_refused(folder: Path, after: type[Event], reason: str) -> None:
    complaint = refused(folder, after)
    assert reason in complaint
    assert "that is another version: give toy.happened schema_version=2, an upcaster from 1" in complaint


def test_another_version_needs_an_upcaster_and_its_predecessors_schema(folder: Path) -> None:
    after = changed(version=2, times=(str, ...))
    assert refused(folder, after) == "toy.happened: an upcaster from version 1 is missing"
    after.upcasters = {1: lambda data: {**data, "times": str(data["times"])}}
    assert refused(folder, after) == ""
    (folder / "toy.happened.v1.json").unlink()
    assert "the schema of its version 1 is missing" in refused(folder, after)


def test_a_type_that_was_published_cannot_go(folder: Path) -> None:
    assert "toy.happened.v1 was published and is no longer known" in "\n".join(
        registry.incompatible(folder, Catalogue())
    )


def test_nothing_incompatible_is_written(tmp_path: Path) -> None:
    shutil.copytree(registry.SCHEMAS, tmp_path, dirs_exist_ok=True)
    assert registry.write(tmp_path) == []
    file = tmp_path / "goals.goal_reached.v1.json"
    published = orjson.loads(file.read_bytes())
    published["properties"]["stars"] = {"type": "integer"}
    file.write_bytes(registry.to_text(published))
    [reason] = registry.write(tmp_path)
    assert "data.stars is gone" in reason
    assert orjson.loads(file.read_bytes()) == published


def test_the_schemas_and_the_documents_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main("check") == 0, capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_takes_the_sample_and_refuses_others(path: Path) -> None:
    kind, version = path.stem.rsplit(".v", 1)
    schema = registry.schema(kind, int(version))
    assert schema and schema["$schema"] == SCHEMA_2020_12
    assert schema["$id"] == f"urn:mentoring:{kind}:{version}"
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    sample = orjson.loads(path.read_bytes())
    assert validator.is_valid(sample)
    assert not validator.is_valid({})
    assert not list(breaks(schema, schema))


def test_every_type_is_listed_with_what_is_personal_in_it() -> None:
    types = {one.type: one for one in registry.event_types()}
    assert set(types) == {path.stem.rsplit(".v", 1)[0] for path in SAMPLES.glob("*.json")}
    assert types["messaging.message_posted"].personal == ("text",)
    assert types["matching.relationship_activated"].description.startswith("Both have signed")

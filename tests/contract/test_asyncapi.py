"""The AsyncAPI document is one, by its own project's parser; and every event on the wire is as it says."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from services import asyncapi, registry
from shared.broker import to_envelope
from shared.ids import NIL
from shared.log import Recorded
from shared.messages import Event
from tests.contract.golden import EVENT_ID, NOW, golden, published, written

HERE = Path(__file__).parent / "asyncapi"
NODE, NPM = (str(Path(sys.executable).with_name(name)) for name in ("node", "npm"))
LOCKED = ("package.json", "package-lock.json")
Validate = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    parser = _parser()

    def run(document: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = tmp_path_factory.mktemp("asyncapi") / "asyncapi.json"
        file.write_bytes(orjson.dumps(document))
        command = [NODE, str(HERE / "validate.mjs"), str(file), str(parser)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def _parser() -> Path:
    """The folder with @asyncapi/parser, installed once for each lock file."""
    locked = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LOCKED)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mentoring"
    folder = cache / f"asyncapi-parser-{locked}"
    if not folder.exists():
        building = cache / f"{folder.name}-{os.getpid()}"
        building.mkdir(parents=True)
        for name in LOCKED:
            shutil.copy(HERE / name, building)
        command = [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=building, check=True)
        building.rename(folder)
    return folder


def test_the_document_is_asyncapi(validate: Validate) -> None:
    done = validate(asyncapi.document())
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_not_asyncapi_is_refused(validate: Validate) -> None:
    document = asyncapi.document()
    document["operations"]["keep"]["action"] = "shout"
    done = validate(document)
    assert done.returncode == 1
    assert "operations.keep.action" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("kind", published(), ids=lambda kind: kind.type)
def test_an_event_on_the_wire_is_what_its_message_says(kind: type[Event]) -> None:
    message = orjson.loads(to_envelope(recorded(kind)))
    assert list(complaints(message)) == []
    missing = {name: value for name, value in message.items() if name != "position"}
    assert any("position" in complaint for complaint in complaints(missing))
    other = "goals.goal_set" if kind.type != "goals.goal_set" else "goals.goal_reached"
    assert list(complaints({**message, "type": other})) != []


def complaints(message: dict[str, Any]) -> list[str]:
    document = asyncapi.document()
    components = document["components"]
    payload = components["messages"][f"{message['dataschema'].split(':')[2]}.v{message['schemaversion']}"]["payload"]
    validator = jsonschema_rs.Draft202012Validator(
        {**payload, "components": {"schemas": components["schemas"]}}, validate_formats=True
    )
    return [error.message for error in validator.iter_errors(message)]


def recorded(kind: type[Event]) -> Recorded:
    return Recorded(
        position=2**40,
        event_id=EVENT_ID,
        stream=f"{kind.type}-{NIL}",
        version=1,
        type=kind.type,
        schema_version=kind.schema_version,
        subject=None,
        program=NIL,
        actor="anonymous",
        command_id=EVENT_ID,
        correlation_id=EVENT_ID,
        causation_id=None,
        occurred_at=NOW,
        recorded_at=NOW,
        data=written(golden(kind)),
        hash=bytes(32),
    )


def test_every_type_has_a_channel_and_the_log_has_them_all() -> None:
    channels = asyncapi.document()["channels"]
    types = [one.type for one in registry.event_types()]
    assert set(channels) == {*types, "log"}
    assert len(channels["log"]["messages"]) == sum(len(one.versions) for one in registry.event_types())

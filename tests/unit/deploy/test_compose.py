"""Compose and the image start what there is, with settings that exist, and know no password."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import passwords
from deploy.fleet import PROCESSES
from services.files.service import FilesSettings
from services.messaging.service import MessagingSettings
from shared.settings import Settings

DEPLOY = Path(passwords.__file__).parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KNOWN = {
    f"MENTORING_{name.upper()}" for kind in (Settings, FilesSettings, MessagingSettings) for name in kind.model_fields
}


def test_every_process_is_started_and_nothing_else() -> None:
    commands = [service.get("command", []) for service in COMPOSE["services"].values()]

    assert {command[1] for command in commands if command[:1] == ["start"]} == set(PROCESSES)


def test_compose_sets_only_settings_that_exist() -> None:
    set_there = {name for service in COMPOSE["services"].values() for name in service["environment"]}

    assert {name for name in set_there if name.startswith("MENTORING_")} <= KNOWN


def test_the_image_sets_only_settings_that_exist() -> None:
    set_there = re.findall(r"(MENTORING_\w+)=", (DEPLOY / "Dockerfile").read_text())

    assert set_there
    assert set(set_there) <= KNOWN


def test_the_generated_settings_exist_and_hold_the_servers_own_passwords() -> None:
    generated = passwords.files("one", "two", "three")
    settings = dict(line.split("=", 1) for line in generated["servers.env"].splitlines())

    assert set(settings) <= KNOWN
    assert "//mentoring:one@postgres" in settings["MENTORING_DATABASE_URL"]
    assert generated["postgres"] == "one"
    assert "//mentoring:two@rabbitmq" in settings["MENTORING_BROKER_URL"]
    assert hashed("two", json.loads(generated[passwords.DEFINITIONS])["users"][0]["password_hash"])
    assert settings["MENTORING_S3_SECRET_KEY"] == "three"
    assert "MINIO_ROOT_PASSWORD=three\n" in generated["minio.env"]


def hashed(password: str, stored: str) -> bool:
    """https://www.rabbitmq.com/docs/passwords: four bytes of salt, and the SHA-256 of salt and password."""
    salt, digest = b64decode(stored)[:4], b64decode(stored)[4:]
    return hashlib.sha256(salt + password.encode()).digest() == digest


def test_passwords_are_generated_once(tmp_path: Path) -> None:
    passwords.generate(tmp_path)
    first = {file.name: file.read_text() for file in tmp_path.iterdir()}
    passwords.generate(tmp_path)

    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == first
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o644 for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("already", "told"), [({}, "from the file"), ({"MENTORING_BROKER_URL": "set before"}, "set before")]
)
def test_the_entrypoint_reads_the_file_and_lets_what_is_set_stand(
    tmp_path: Path, already: dict[str, str], told: str
) -> None:
    (tmp_path / "servers.env").write_text("MENTORING_BROKER_URL=from the file\n")
    (tmp_path / "services.py").write_text("import os, sys\nprint(os.environ['MENTORING_BROKER_URL'], *sys.argv[1:])\n")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MENTORING_SERVERS_FILE": str(tmp_path / "servers.env"),
        **already,
    }

    done = subprocess.run(
        [DEPLOY / "entrypoint.sh", "start", "relay"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{told} start relay\n"

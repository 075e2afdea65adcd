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
from sqlalchemy import make_url

from deploy import passwords
from deploy.fleet import PROCESSES
from services.files.service import FilesSettings
from services.messaging.service import MessagingSettings
from shared.settings import Settings

DEPLOY = Path(passwords.__file__).parent
SECRETS = Path("/var/lib/mentoring/secrets")
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
    assert "//mentoring:one@postgres" in settings["MENTORING_ADMIN_DATABASE_URL"]
    assert generated["postgres"] == "one"
    assert "//mentoring:two@rabbitmq" in settings["MENTORING_BROKER_URL"]
    assert hashed("two", json.loads(generated[passwords.DEFINITIONS])["users"][0]["password_hash"])
    assert settings["MENTORING_S3_SECRET_KEY"] == "three"
    assert "MINIO_ROOT_PASSWORD=three\n" in generated["minio.env"]


def hashed(password: str, stored: str) -> bool:
    """https://www.rabbitmq.com/docs/passwords: four bytes of salt, and the SHA-256 of salt and password."""
    salt, digest = b64decode(stored)[:4], b64decode(stored)[4:]
    return hashlib.sha256(salt + password.encode()).digest() == digest


def test_the_processes_are_told_no_password_of_the_database(tmp_path: Path) -> None:
    servers, platform = generated_in(tmp_path)
    told = (platform / "servers.env").read_text()
    url = make_url(dict(line.split("=", 1) for line in told.splitlines())["MENTORING_DATABASE_URL"])

    assert (url.username, url.password) == (None, None)
    assert Path(str(url.query["passfile"])).parent == SECRETS
    assert (servers / "postgres").read_text() not in told
    assert [file.name for file in platform.iterdir()] == ["servers.env"]


def test_only_the_servers_and_init_are_given_the_administrators_password() -> None:
    given = {name for name, service in COMPOSE["services"].items() if mounts(service, "passwords")}

    assert given == {"postgres", "rabbitmq", "minio", "passwords", "init"}
    assert {name for name, service in COMPOSE["services"].items() if mounts(service, "settings")} == {
        "passwords",
        *PROCESSES,
    }


def mounts(service: dict[str, Any], volume: str) -> bool:
    return any(mounted.startswith(f"{volume}:") for mounted in service["volumes"])


def generated_in(folder: Path) -> tuple[Path, Path]:
    servers, platform = folder / "servers", folder / "platform"
    for one in (servers, platform):
        one.mkdir(exist_ok=True)
    passwords.generate(servers, platform)
    return servers, platform


def test_passwords_are_generated_once(tmp_path: Path) -> None:
    generated_in(tmp_path)
    first = {file: file.read_text() for file in tmp_path.glob("*/*")}
    generated_in(tmp_path)

    assert {file: file.read_text() for file in tmp_path.glob("*/*")} == first
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o644 for file in first)


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

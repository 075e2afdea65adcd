"""Debian's packages, installed without starting the services that they bring."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.servers.server import ServerMissing

# Debian's way to say that an installation may not start services: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
POLICY = Path("/usr/sbin/policy-rc.d")
NOTHING_STARTS = "#!/bin/sh\nexit 101\n"


def install_package(package: str) -> None:
    """Raises ServerMissing where this is not Debian, or this user is not root."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ServerMissing(f"{package} is not installed: as root on Debian, `apt-get install {package}`")
    print(f"installing Debian's package {package} …", file=sys.stderr, flush=True)
    with _no_service_starts():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", package)


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        raise ServerMissing(f"apt-get {' '.join(arguments)} failed:\n{tail}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    if POLICY.exists():
        yield
        return
    POLICY.write_text(NOTHING_STARTS)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()

"""Packages of Debian 13 on an older Debian: in a tree of their own, which only their processes see."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.servers.debian import install_package
from deploy.servers.server import ServerMissing

# What is bound is bound for this process and its children only, and gone with them.
ENTER = """
root=$1 folder=$2
shift 2
for at in /proc /sys /dev "$folder"; do
    mkdir -p "$root$at"
    mount --rbind "$at" "$root$at"
done
exec chroot "$root" "$@"
"""


def tree_of(package: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mentoring" / f"trixie-{package}"


def obtain(package: str) -> None:
    """Raises ServerMissing."""
    tree = tree_of(package)
    if not shutil.which("debootstrap"):
        install_package("debootstrap")
    print(
        f"installing Debian 13's {package} in a folder of its own, once: about a minute …", file=sys.stderr, flush=True
    )
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="building-") as folder:
        new = Path(folder) / "tree"
        command = ["debootstrap", "--variant=minbase", f"--include={package}", "trixie", str(new)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise ServerMissing("\n".join(["debootstrap failed:", *done.stdout.splitlines()[-10:]]))
        new.rename(tree)


def inside(package: str, folder: Path, command: Sequence[str]) -> list[str]:
    """The command, run in the package's tree, where `folder` is too. It is the process that it becomes."""
    shell = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER, "sh"]
    return [*shell, str(tree_of(package)), str(folder), *command]

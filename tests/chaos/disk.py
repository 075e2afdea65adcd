"""A small disk for one server, which can be full."""

import os
import subprocess
from pathlib import Path
from typing import Self

MEGABYTE = 1024 * 1024
TRIES = 100


class Disk:
    """A file system in memory, mounted on `folder`; needs root. A context."""

    def __init__(self, folder: Path, size: int = 1024 * MEGABYTE) -> None:
        self._folder = folder
        self._size = size

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        if not self._mount(f"size={self._size},mode=755"):
            raise RuntimeError(f"nothing can be mounted on {self._folder}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", self._folder], check=True)

    def leave(self, free: int) -> None:
        """So many bytes, and no more. Who writes just then makes it try again: no disk is smaller than its files."""
        for _ in range(TRIES):
            told = os.statvfs(self._folder)
            used = (told.f_blocks - told.f_bfree) * told.f_frsize
            if self._mount(f"remount,size={used + free}"):
                return
        raise RuntimeError(f"{self._folder} does not shrink")

    def clear(self) -> None:
        """As much room as at first."""
        self._mount(f"remount,size={self._size}")

    def _mount(self, options: str) -> bool:
        how = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._folder)]
        return subprocess.run(how, stderr=subprocess.DEVNULL, check=False).returncode == 0

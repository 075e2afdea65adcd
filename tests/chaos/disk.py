"""A small disk for one server, which can be full."""

import os
import subprocess
from pathlib import Path
from typing import Self

MEGABYTE = 1024 * 1024


class Disk:
    """A file system in memory, mounted on `folder`; needs root. A context."""

    def __init__(self, folder: Path, size: int = 1024 * MEGABYTE) -> None:
        self._folder = folder
        self._size = size

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self._mount(f"size={self._size},mode=755")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", self._folder], check=True)

    def leave(self, free: int) -> None:
        """So many bytes, and no more."""
        told = os.statvfs(self._folder)
        self._mount(f"remount,size={(told.f_blocks - told.f_bfree) * told.f_frsize + free}")

    def clear(self) -> None:
        """As much room as at first."""
        self._mount(f"remount,size={self._size}")

    def _mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self._folder], check=True)

"""The master keys: what persons' keys are wrapped by. Usually one; two while one replaces the other."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.ids import new_id

PATTERN, FIRST, LOCK = "master*.key", "master", "rotation.lock"
KEY_BYTES = 32


class Masters:
    """A folder of them, shared by every process: the file `<id>.key` holds the master key of that id.

    One that is not known is looked for in the folder, so a new one needs no restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, AESGCM] = {}

    def ids(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob(PATTERN))

    def get(self, master: str) -> AESGCM | None:
        known = self._known.get(master)
        if known is None and (path := self._path(master)).is_file():
            known = self._known[master] = AESGCM(path.read_bytes())
        return known

    def make_first(self) -> None:
        """Leaves those alone that there are."""
        if not self.ids():
            write_secret(self._path(FIRST), secrets.token_bytes(KEY_BYTES))

    def add(self) -> str:
        """The id of a new one, which is on disk when this returns."""
        master = f"{FIRST}-{new_id()}"
        write_secret(self._path(master), secrets.token_bytes(KEY_BYTES))
        return master

    def remove(self, master: str) -> None:
        self._known.pop(master, None)
        self._path(master).unlink(missing_ok=True)
        _sync(self._folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For one process at a time; let go of by a crash."""
        descriptor = os.open(self._folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _path(self, master: str) -> Path:
        return self._folder / f"{master}.key"


def write_secret(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner's eyes."""
    unfinished = path.with_name(f".{path.name}.new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

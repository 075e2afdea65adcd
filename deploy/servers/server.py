"""What the three servers have in common."""

import os
import secrets
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from deploy.servers.process import Process

LOCAL = "127.0.0.1"
USER = "mentoring"


class ServerMissing(Exception):
    """A server's program is not on this machine and could not be installed."""


class ServerFailed(Exception):
    """A server is here, but does not come up."""


class Server(ABC):
    """One server with its own folder, port and password. Every method can be repeated at will."""

    name: ClassVar[str]
    port_setting: ClassVar[str]
    program_setting: ClassVar[str]
    default_port: ClassVar[int]
    start_seconds: ClassVar[float] = 60
    stop_seconds: ClassVar[float] = 30
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.resolve() / self.name
        self.port = port
        self.log = self.folder / "server.log"
        self._process = Process(self.folder / "server.pid")

    def install(self) -> None:
        """Get the program where it is missing and none is named; this may take minutes. Raises ServerMissing."""
        try:
            self.locate()
        except ServerMissing:
            if self.named:
                raise
            self.obtain()

    @property
    def named(self) -> str | None:
        """The program, or the folder of programs, that the environment names."""
        return os.environ.get(self.program_setting)

    @abstractmethod
    def locate(self) -> Path:
        """The program or the folder of programs. Raises ServerMissing."""

    @abstractmethod
    def obtain(self) -> None:
        """Install or build the program. Raises ServerMissing."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the files that it needs to start, where they are missing."""

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers clients."""

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """How the platform is told of it."""

    def environment(self) -> Mapping[str, str]:
        """Of the server's own process, in addition to this one's."""
        return {}

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self) -> None:
        """Returns when it is ready. Raises ServerFailed with the end of its log."""
        if not self.running:
            self._refuse_taken_port()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.prepare()
            self._process.start(self.command(), self.environment(), self.log)
        self._wait()

    def stop(self) -> None:
        self._process.stop(self.stop_signal, self.stop_seconds)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self._process.kill()

    def password(self) -> str:
        """Generated once, and kept beside the data."""
        file = self.folder / "password"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(file, "x", opener=owner_only) as new:
                new.write(secrets.token_urlsafe(24))
        return file.read_text()

    def failed(self, what: str) -> ServerFailed:
        tail = self.log.read_text(errors="replace").splitlines()[-25:] if self.log.exists() else []
        return ServerFailed("\n".join([f"{self.name} {what}", *tail]))

    def _wait(self) -> None:
        until = time.monotonic() + self.start_seconds
        while not self.ready():
            if not self.running:
                raise self.failed("ended while it was starting:")
            if time.monotonic() > until:
                raise self.failed(f"is not ready after {self.start_seconds:.0f} s:")
            time.sleep(0.05)

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCAL, self.port))
            except OSError as error:
                told = f"port {self.port} is taken: give {self.name} another one with {self.port_setting}"
                raise ServerFailed(told) from error


def owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)

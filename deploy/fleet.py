"""The platform's processes on this machine: for the demo, and for tests that kill them."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Self

from shared.logins import without_user

PROCESSES = ("relay", "webhooks", "views", "identity", "matching", "messaging", "goals", "files", "gateway")
ROOT = Path(__file__).parent.parent
START_SECONDS = 120.0
DATABASE, ADMINISTRATOR = "MENTORING_DATABASE_URL", "MENTORING_ADMIN_DATABASE_URL"


class Process:
    """`python -m services <command>`, answering `/readyz` on `port`; what it prints goes to a file of its own."""

    program = "services"

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, port: int
    ) -> None:
        self.name = name
        self.port = port
        self.output = folder / f"{name}.log"
        self._command = [sys.executable, "-m", self.program, *command]
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, besides: Mapping[str, str] = MappingProxyType({})) -> None:
        """`besides`: settings for this time only."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**self._environment, **besides},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self._end(signal.SIGKILL, 10)

    def ask_to_stop(self) -> None:
        self._signal(signal.SIGTERM)

    def stop(self, seconds: float = 20) -> None:
        """Raises RuntimeError when it did not end in time and was killed."""
        self._end(signal.SIGTERM, seconds)

    @property
    def pid(self) -> int | None:
        """None before its start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Negative: the signal that ended it. None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until it is ready. Raises RuntimeError with the end of its output when it is not in time."""
        until = time.monotonic() + seconds
        while not self.ready:
            if not self.running or time.monotonic() > until:
                tail = "\n".join(self.output.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"{self.name} is not ready:\n{tail}")
            time.sleep(0.05)

    def _signal(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)

    def _end(self, how: signal.Signals, seconds: float) -> None:
        self._signal(how)
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"{self.name} did not end within {seconds:.0f} s") from None


class Platform:
    """Its processes, and what else can be run in their environment. A context: started, and stopped at the end."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.environment: dict[str, str] = {}
        self.processes: dict[str, Process] = {}

    @property
    def password(self) -> str:
        """The first coordinator's."""
        return (self.folder / "secrets" / "coordinator-password").read_text()

    def start(self) -> None:
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait()

    def stop(self) -> None:
        """Every process is asked, then awaited. Raises RuntimeError naming those that had to be killed."""
        late: list[RuntimeError] = []
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            try:
                process.stop()
            except RuntimeError as error:
                late.append(error)
        if late:
            raise RuntimeError("; ".join(str(error) for error in late))

    def run(self, *command: str, besides: Mapping[str, str] = MappingProxyType({})) -> str:
        """Another `python -m services` command, with settings of its own; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "services", *command],
            check=False,
            cwd=ROOT,
            env={**os.environ, **self.environment, **besides},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def rebuild(self) -> str:
        """What comparing every view with its rebuild says."""
        return self.run("rebuild", "--verify")

    def verify(self) -> str:
        """What examining the log says."""
        return self.run("verify", "--log-only")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Embedded(Platform):
    """All in one process, its data below `folder`."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        command = ["run", "--port", str(port), "--folder", str(folder)]
        self.processes = {"embedded": Process("embedded", command, {}, folder, port)}

    def rebuild(self) -> str:
        return self.run("rebuild", "--verify", "--folder", str(self.folder))

    def verify(self) -> str:
        return self.run("verify", "--log-only", "--folder", str(self.folder))


class Fleet(Platform):
    """Each process of its own, on the servers that `environment` names; the gateway on `port`, the others above it.

    It is installed by the database's administrator, whom `environment` names; the processes log in as their owners.
    `special`: settings that one process has otherwise than the others.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        port: int,
        special: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        super().__init__(folder, port)
        self.environment = {
            "MENTORING_SECRETS_DIR": str(folder / "secrets"),
            "MENTORING_DATA_DIR": str(folder / "data"),
            "MENTORING_PUBLIC_URL": self.url,
            "MENTORING_HTTP_PORT": str(port),
            **environment,
        }
        for number, name in enumerate(PROCESSES, start=1):
            own = port if name == "gateway" else port + number
            settings = {**self.environment, "MENTORING_METRICS_PORT": str(own), **special.get(name, {})}
            settings[DATABASE] = self._without_user(settings[DATABASE])
            self.processes[name] = Process(name, ["start", name], settings, folder, own)

    def install(self) -> None:
        administrator = self.environment[DATABASE]
        self.run("init", besides={ADMINISTRATOR: administrator, DATABASE: self._without_user(administrator)})

    def start(self) -> None:
        self.install()
        super().start()

    def _without_user(self, url: str) -> str:
        return without_user(url, self.folder / "secrets" / "pgpass")


def free_ports(count: int = len(PROCESSES) + 1) -> int:
    """The first of `count` free ports in a row, somewhere: others may look for some at the same time."""
    for _ in range(100):
        first = 18000 + secrets.randbelow(12000)
        if all(map(_free, range(first, first + count))):
            return first
    raise RuntimeError("no free ports")


def _free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0

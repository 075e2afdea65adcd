"""Every process of the platform on this machine, each of its own: for the demo and for tests that kill them."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

PROCESSES = ("relay", "views", "identity", "matching", "messaging", "goals", "files", "gateway")
ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0


class Process:
    """`python -m services start <name>`; what it prints goes to a file of its own."""

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path, port: int) -> None:
        self.name = name
        self.port = port
        self.output = folder / f"{name}.log"
        self._environment = {**os.environ, **environment, "MENTORING_METRICS_PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services", "start", self.name],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self._end(signal.SIGKILL, 10)

    def stop(self, seconds: float = 20) -> None:
        self._end(signal.SIGTERM, seconds)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

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

    def _end(self, how: signal.Signals, seconds: float) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"{self.name} did not end within {seconds:.0f} s") from None


class Fleet:
    """All processes on one database, broker and object store, the gateway on `port` and the others above it."""

    def __init__(self, environment: Mapping[str, str], folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "MENTORING_SECRETS_DIR": str(folder / "secrets"),
            "MENTORING_DATA_DIR": str(folder / "data"),
            "MENTORING_PUBLIC_URL": self.url,
            "MENTORING_HTTP_PORT": str(port),
            **environment,
        }
        ports = {name: port + number for number, name in enumerate(PROCESSES, start=1)} | {"gateway": port}
        self.processes = {name: Process(name, self.environment, folder, ports[name]) for name in PROCESSES}

    def start(self) -> None:
        self.run("init")
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait()

    def run(self, *command: str) -> str:
        """Another `python -m services` command in the same environment; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "services", *command],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        late: list[RuntimeError] = []
        for process in reversed(self.processes.values()):
            try:
                process.stop()
            except RuntimeError as error:
                late.append(error)
        if late:
            raise RuntimeError("; ".join(str(error) for error in late))

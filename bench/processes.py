"""A side's processes. Each prints a line when it is ready, waits for one, does its work and prints how much it did."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deploy.fleet import Process


class Worker:
    """`python -m module …`; what it complains of goes to our own standard error."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", module, *arguments],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go(self) -> None:
        print(file=self._process.stdin, flush=True)

    def told(self) -> str:
        """Its next line."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self._module} ended before its time")
        return line.strip()

    def done(self) -> float:
        """How much it did, told when it has gone and come."""
        self.go()
        return float(self.told())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def working(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """Ready for its work; gone at the end."""
    worker = Worker(module, *arguments, environment=environment)
    try:
        worker.told()
        yield worker
    finally:
        worker.end()


@contextmanager
def serving(process: Process) -> Iterator[Process]:
    """Ready; killed at the end."""
    process.start()
    try:
        process.wait()
        yield process
    finally:
        process.kill()


@contextmanager
def hosted(module: str, broker_url: str, environment: Mapping[str, str]) -> Iterator[None]:
    """The module's services, run by nameko. Whoever calls them waits until they are there."""
    command = [sys.executable, "-W", "ignore", "-m", "nameko", "run", "--broker", broker_url, module]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()

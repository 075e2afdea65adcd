"""A process that outlives the one that started it, and is known again by its pid file."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")

# A second shell stays as the parent, apart from ours: it takes leave of the process when that ends, so that no zombie
# keeps its number where nobody else would.
DETACHED = """setsid sh -c '
    "$@" </dev/null >>"$0" 2>&1 &
    echo $!
    exec </dev/null >/dev/null 2>&1
    wait' "$0" "$@" &"""


class Process:
    """The pid file also holds when the process started, in clock ticks since boot: pids are used again."""

    def __init__(self, pid_file: Path) -> None:
        self._file = pid_file

    def start(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        """`environment` is added to this process's own; what the process prints is appended to `output`."""
        started = subprocess.run(
            ["sh", "-c", DETACHED, str(output), *command],
            env={**os.environ, **environment},
            cwd=output.parent,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        pid = int(started.stdout)
        self._file.write_text(f"{pid} {_start_of(pid)}\n")

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """None when it does not run, or when another process has its number by now."""
        if not self._file.exists():
            return None
        pid, start = self._file.read_text().split()
        return int(pid) if str(_start_of(int(pid))) == start else None

    def kill(self) -> None:
        """SIGKILL it and all its descendants; returns when they are gone."""
        family = self._family()
        _signal(family, signal.SIGKILL)
        _await_end(family, seconds=10)
        self._file.unlink(missing_ok=True)

    def stop(self, how: signal.Signals, seconds: float) -> None:
        """Ask it to end; what is still there after `seconds` is killed."""
        family = self._family()
        _signal(family[:1], how)
        if not _await_end(family, seconds):
            _signal(family, signal.SIGKILL)
            _await_end(family, seconds=10)
        self._file.unlink(missing_ok=True)

    def _family(self) -> list[tuple[int, int]]:
        """The process and its descendants, each as pid and start, parents first."""
        if (pid := self.pid) is None:
            return []
        children: dict[int, list[int]] = {}
        for folder in PROC.glob("[0-9]*"):
            if fields := _stat(int(folder.name)):
                children.setdefault(int(fields[1]), []).append(int(folder.name))
        family = [pid]
        for member in family:
            family.extend(children.get(member, ()))
        return [(member, start) for member in family if (start := _start_of(member)) is not None]


def _signal(family: Sequence[tuple[int, int]], how: signal.Signals) -> None:
    for pid, start in family:
        if _start_of(pid) == start:
            with suppress(ProcessLookupError):
                os.kill(pid, how)


def _await_end(family: Sequence[tuple[int, int]], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(_start_of(pid) == start for pid, start in family):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _start_of(pid: int) -> int | None:
    """None when there is no such process, or only what is left of one, without threads, until its parent asks."""
    fields = _stat(pid)
    if not fields or (fields[0] in "ZX" and int(fields[17]) <= 1):
        return None
    return int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """proc(5): /proc/pid/stat from its third field on, the state; the second may itself hold spaces and brackets."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None

"""A process is known again by its pid file, and never mistaken for another."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.servers.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "pid")
    yield process
    process.kill()


def test_what_was_started_here_is_found_again_by_its_pid_file(process: Process, tmp_path: Path) -> None:
    process.start(["sleep", "60"], {}, tmp_path / "output")

    again = Process(tmp_path / "pid")
    assert again.running
    again.kill()
    assert not process.running


def test_a_number_that_another_process_has_by_now_is_left_alone(process: Process, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "pid").write_text(f"{stranger.pid} 1\n")

        assert not process.running
        process.kill()
        process.stop(signal.SIGTERM, 1)
        assert stranger.poll() is None
        stranger.kill()


def test_killing_takes_the_descendants_too(process: Process, tmp_path: Path) -> None:
    process.start(["sh", "-c", "sleep 60 & echo $!; wait"], {}, tmp_path / "output")
    child = _printed_number(tmp_path / "output")

    process.kill()

    assert not _alive(child)


def test_one_that_does_not_end_when_asked_is_killed(process: Process, tmp_path: Path) -> None:
    process.start(["sh", "-c", "trap '' TERM; echo 0; while :; do sleep 1; done"], {}, tmp_path / "output")
    _printed_number(tmp_path / "output")

    process.stop(signal.SIGTERM, seconds=0.2)

    assert not process.running


def test_what_it_prints_is_appended_and_its_environment_is_added(process: Process, tmp_path: Path) -> None:
    (tmp_path / "output").write_text("before\n")

    process.start(["sh", "-c", 'echo "$WORD $HOME"; sleep 60'], {"WORD": "hello"}, tmp_path / "output")

    until = time.monotonic() + 5
    while f"before\nhello {os.environ['HOME']}\n" != (tmp_path / "output").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


def _printed_number(output: Path) -> int:
    until = time.monotonic() + 5
    while not (output.exists() and output.read_text().endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.01)
    return int(output.read_text())


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False

"""`make run`: what a person at a terminal sees."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.fleet import ROOT, free_ports


def run(folder: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "services", "run", "--port", str(port), "--folder", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def welcome(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    return "".join(lines)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_sign_in_and_ends_cleanly_and_goes_on_with_its_data(tmp_path: Path, how: signal.Signals) -> None:
    port = free_ports(1)
    programs: list[int] = []
    for _ in range(2):
        process = run(tmp_path, port)
        told = welcome(process)
        signing_in = re.search(r"Sign in as +(\S+)\n +with password +(\S+)", told)
        assert signing_in, told
        email, password = signing_in.groups()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            session = http.post("/v1/sessions", json={"email": email, "password": password}).json()
            http.headers["Authorization"] = f"Bearer {session['access_token']}"
            http.post("/v1/programs", json={"name": "Women into web engineering"}).raise_for_status()
            programs.append(len(http.get("/v1/programs").json()["items"]))
            assert http.get("/docs").status_code == 200
        process.send_signal(how)
        rest, _ = process.communicate(timeout=20)
        assert (process.returncode, rest.strip()) == (0, "")
    assert programs == [1, 2]


def test_a_log_without_its_keys_refuses_to_start(tmp_path: Path) -> None:
    port = free_ports(1)
    process = run(tmp_path, port)
    welcome(process)
    process.terminate()
    process.communicate(timeout=20)
    for key in (tmp_path / "secrets").iterdir():
        key.unlink()
    process = run(tmp_path, port)
    told, _ = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "there is a log, but not its keys" in told
    assert "Traceback" not in told

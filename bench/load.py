"""Load on an HTTP server, by wrk."""

import re
import shutil
import subprocess

from deploy.servers.debian import install_package

CONNECTIONS = 16


def requests_per_second(url: str, token: str, seconds: float) -> float:
    """One connection asks again as soon as it is answered. Raises RuntimeError unless every answer was a good one."""
    if not shutil.which("wrk"):
        install_package("wrk")
    how = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-H", f"Authorization: Bearer {token}"]
    told = subprocess.run(["wrk", *how, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if not rate or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return float(rate[1])

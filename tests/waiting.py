"""Waiting for what happens elsewhere."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.02)

"""How far a long piece of work is: a bar on a terminal, else a line now and then."""

import sys
import time
from typing import TextIO

WIDTH = 30
REDRAW_SECONDS = 0.2
LINE_SECONDS = 10.0


class ProgressBar:
    """Call it with how many are done, of how many. On a terminal, the bar is wiped away at the end."""

    def __init__(self, what: str, stream: TextIO = sys.stderr) -> None:
        self._what = what
        self._stream = stream
        self._terminal = stream.isatty()
        self._began = self._told = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._told < (REDRAW_SECONDS if self._terminal else LINE_SECONDS):
            return
        self._told = now
        rate = done / (now - self._began)
        left = f"{_clock((of - done) / rate)} left" if rate else "just begun"
        told = f"{done:,} of {of:,} {self._what}, {rate:,.0f}/s, {left}"
        if self._terminal:
            full = WIDTH * done // max(of, 1)
            self._stream.write(f"\r\033[K[{'#' * full}{' ' * (WIDTH - full)}] {told}")
        else:
            self._stream.write(f"{told}\n")
        self._stream.flush()

    def end(self) -> None:
        if self._terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"

"""What a process says of itself: JSON log lines, `/livez`, `/readyz` and Prometheus `/metrics`."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pythonjsonlogger.json import JsonFormatter

from shared.refusals import Unavailable

Check = Callable[[], bool]

_correlation: ContextVar[str | None] = ContextVar("correlation", default=None)


def configure(level: str, process: str) -> None:
    """Log lines are JSON objects on standard error; what is logged never holds texts of people, passwords or tokens."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_correlate)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"process": process},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)


@contextmanager
def correlated(correlation_id: object) -> Iterator[None]:
    """Every line that is logged within, in this thread or task, carries the id."""
    token = _correlation.set(str(correlation_id))
    try:
        yield
    finally:
        _correlation.reset(token)


def place_of(error: BaseException) -> str:
    """Where it was raised; an error's own words may repeat what it is about."""
    [*_, place] = traceback.extract_tb(error.__traceback__)
    return f"{place.filename}:{place.lineno} {place.name}"


def serve(host: str, port: int, ready: Check) -> None:
    """Answers in a thread of its own, for as long as the process lives. `ready` may raise `Unavailable`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/livez":
                    self._answer(200, b"alive\n")
                case "/readyz":
                    self._answer(200, b"ready\n") if _holds(ready) else self._answer(503, b"not ready\n")
                case "/metrics":
                    self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
                case _:
                    self._answer(404, b"not found\n")

        def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Probes are not worth a line."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="telemetry", daemon=True).start()


def _correlate(record: logging.LogRecord) -> bool:
    if (correlation_id := _correlation.get()) and not hasattr(record, "correlation_id"):
        record.correlation_id = correlation_id
    return True


def _holds(check: Check) -> bool:
    try:
        return check()
    except Unavailable:
        return False

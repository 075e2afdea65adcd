"""Somebody who receives webhooks: a small HTTP server that remembers what came and answers as it is told."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from tests.waiting import eventually

Answer = tuple[int, Mapping[str, str]]
TAKEN: Answer = (200, {})


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    @property
    def position(self) -> int:
        return int(self.event["position"])


@dataclass
class Receiver:
    """`answer` is asked for each request in a thread of its own, before anything is answered."""

    url: str = ""
    answer: Callable[[Received], Answer] = lambda received: TAKEN
    received: list[Received] = field(default_factory=list)

    @property
    def taken(self) -> list[Received]:
        return [one for one in self.received if one.answer[0] < 300]

    @property
    def positions(self) -> list[int]:
        """Of what was taken, in the order in which it came."""
        return [one.position for one in self.taken]

    def types(self) -> list[str]:
        return [one.event["type"] for one in self.taken]

    def await_count(self, count: int, seconds: float = 30) -> None:
        eventually(lambda: len(self.received) >= count, seconds)


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """On this machine; over TLS where there is a file with a certificate and its key."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body, TAKEN)
            status, headers = receiver.answer(asked)
            receiver.received.append(Received(asked.path, asked.headers, body, (status, headers)))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                """Who sent it did not wait for the answer."""

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Tests look at `received`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()

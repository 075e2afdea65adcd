"""Toxiproxy, which stands between a process and its server and spoils their connection: the program that
MENTORING_TOXIPROXY names, the one on the PATH, or one built here from its source."""

import http.client
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.servers import golang
from deploy.servers.server import LOCAL, Server, ServerFailed, ServerMissing

VERSION = "v2.12.0"
PACKAGE = f"github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}"


class Toxiproxy(Server):
    """`port` is that of its HTTP interface; each proxy listens on one of its own."""

    name = "toxiproxy"
    port_setting = "MENTORING_TOXIPROXY_PORT"
    program_setting = "MENTORING_TOXIPROXY"
    default_port = 18474

    def obtain(self) -> None:
        print("building Toxiproxy from its source, once: about half a minute …", file=sys.stderr, flush=True)
        golang.build(PACKAGE, _kept())

    def locate(self) -> Path:
        program = Path(self.named or shutil.which("toxiproxy-server") or _kept())
        if program.is_file():
            return program
        raise ServerMissing(f"Toxiproxy is not at {program}: `make servers` builds it, or MENTORING_TOXIPROXY names it")

    def prepare(self) -> None:
        """It keeps nothing."""

    def command(self) -> Sequence[str]:
        return [str(self.locate()), "-host", LOCAL, "-port", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        return {"LOG_LEVEL": "error"}

    def ready(self) -> bool:
        try:
            return self.running and bool(self._ask("GET", "/version"))
        except (OSError, http.client.HTTPException):
            return False

    def settings(self) -> Mapping[str, str]:
        return {}

    def put_between(self, name: str, listen: int, upstream: int) -> None:
        """A proxy on the port `listen` for the server on the port `upstream`."""
        self._ask("POST", "/proxies", name=name, listen=f"{LOCAL}:{listen}", upstream=f"{LOCAL}:{upstream}")

    def spoil(self, name: str, kind: str, **attributes: int) -> None:
        """What comes from the server. `kind` and `attributes` as Toxiproxy calls its toxics: latency, reset_peer …"""
        self._ask("POST", f"/proxies/{name}/toxics", type=kind, stream="downstream", attributes=attributes)

    def heal(self) -> None:
        """Every connection is as it should be, or closed."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, **body: object) -> bytes:
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=5)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status >= http.HTTPStatus.BAD_REQUEST:
                raise ServerFailed(f"toxiproxy refuses {method} {path}: {told.decode()}")
            return told
        finally:
            connection.close()


def _kept() -> Path:
    return golang.kept(f"toxiproxy-{VERSION}")

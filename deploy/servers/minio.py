"""MinIO: the program that MENTORING_MINIO names, the one on the PATH, or one built here from its last public source."""

import http.client
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.servers import golang
from deploy.servers.server import LOCAL, USER, Server, ServerMissing

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
PACKAGE = f"github.com/minio/minio@{VERSION}"


class MinIO(Server):
    """The object store, over S3."""

    name = "minio"
    port_setting = "MENTORING_MINIO_PORT"
    program_setting = "MENTORING_MINIO"
    default_port = 19000

    def obtain(self) -> None:
        print("building MinIO from its source, once: about 4 minutes on two cores …", file=sys.stderr, flush=True)
        golang.build(PACKAGE, _kept())

    def locate(self) -> Path:
        program = Path(self.named or shutil.which("minio") or _kept())
        if program.is_file():
            return program
        raise ServerMissing(f"MinIO is not at {program}: `make servers` builds it, or name it by MENTORING_MINIO")

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        return [str(self.locate()), "server", "--address", self.address, str(self.folder / "data")]

    def environment(self) -> Mapping[str, str]:
        return {
            "MINIO_ROOT_USER": USER,
            "MINIO_ROOT_PASSWORD": self.password(),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "HOME": str(self.folder),
        }

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(LOCAL, self.port, timeout=5)
        try:
            connection.request("GET", "/minio/health/ready")
            return self.running and connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def settings(self) -> Mapping[str, str]:
        return {
            "MENTORING_S3_ENDPOINT": f"http://{self.address}",
            "MENTORING_S3_ACCESS_KEY": USER,
            "MENTORING_S3_SECRET_KEY": self.password(),
        }

    @property
    def address(self) -> str:
        return f"{LOCAL}:{self.port}"


def _kept() -> Path:
    return golang.kept(f"minio-{VERSION}")

"""A folder of blobs behind signed links: an object store's presigned requests, for a platform without such a store.

A link binds everything that it allows: one operation on one key until one moment, and for bytes on their way in their
length, SHA-256 and content type. Whoever has it may use it; it can be used again, with the same bytes only.
"""

import hashlib
import hmac
import os
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkstemp
from types import TracebackType
from typing import ClassVar, Self, TypeVar
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared import clock
from shared.keys import Keys
from shared.refusals import Forbidden, Invalid, NotFound
from shared.settings import Settings

PIECE = 2**20
INCOMING = ".incoming"
ABANDONED = timedelta(days=1)


class LinkUnknown(NotFound):
    """This link leads nowhere."""


class LinkExpired(Forbidden):
    """The time of this link is over."""


class UploadHeadersDiffer(Invalid):
    """The request does not carry the headers that the link was made for."""


class BytesDiffer(Invalid):
    """These are not the bytes that the link was made for."""


class Link(BaseModel):
    model_config = ConfigDict(frozen=True)

    operation: ClassVar[str]
    key: str
    content_type: str
    expires_at: AwareDatetime


class PutLink(Link):
    operation = "put"
    size: int
    sha256: str

    @property
    def headers(self) -> dict[str, str]:
        """What the request has to carry beside its Content-Length."""
        return {"Content-Type": self.content_type, "x-amz-checksum-sha256": checksum(self.sha256)}


class GetLink(Link):
    operation = "get"
    name: str


L = TypeVar("L", bound=Link)


@dataclass(frozen=True, slots=True)
class Blob:
    """`headers` are those that its answer has to carry."""

    path: Path
    headers: Mapping[str, str]

    def pieces(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


class Incoming:
    """Bytes on their way in: `write` them, then `keep` them. They are kept only if they are just those announced."""

    def __init__(self, link: PutLink, folder: Path, path: Path) -> None:
        self._link = link
        self._path = path
        descriptor, name = mkstemp(dir=folder)
        self._incoming = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._incoming.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Raises `BytesDiffer` as soon as there are too many."""
        self._size += len(piece)
        if self._size > self._link.size:
            raise BytesDiffer(announced=self._link.size)
        self._digest.update(piece)
        self._file.write(piece)

    def keep(self) -> None:
        """On disk for good, when this returns. Raises `BytesDiffer`."""
        if (self._size, self._digest.hexdigest()) != (self._link.size, self._link.sha256):
            raise BytesDiffer(announced=self._link.size, received=self._size)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._incoming.replace(self._path)
        _sync(self._path.parent)


class BlobFolder:
    """`base_url` is where the two requests are served that its links are for: `PUT` and `GET {base_url}/{token}`."""

    def __init__(self, root: Path, key: bytes, base_url: str) -> None:
        self._root = root
        self._key = key
        self._base_url = base_url

    def install(self) -> None:
        """Makes the folder, and clears away what a crash left half written."""
        (self._root / INCOMING).mkdir(parents=True, exist_ok=True)
        for left in (self._root / INCOMING).iterdir():
            if left.stat().st_mtime < time.time() - ABANDONED.total_seconds():
                left.unlink(missing_ok=True)

    @property
    def installed(self) -> bool:
        return (self._root / INCOMING).is_dir()

    def put_link(
        self, key: str, size: int, sha256: str, content_type: str, expires_at: datetime
    ) -> tuple[str, PutLink]:
        """The address, and what it allows. `sha256` in hex."""
        link = PutLink(key=key, size=size, sha256=sha256, content_type=content_type, expires_at=expires_at)
        return self._url(link), link

    def get_link(self, key: str, name: str, content_type: str, expires_at: datetime) -> str:
        """The address under which the blob is handed out as a file of this name."""
        return self._url(GetLink(key=key, name=name, content_type=content_type, expires_at=expires_at))

    def open_put(self, token: str, headers: Mapping[str, str]) -> Incoming:
        """`headers` as the request has them, found by names in any case."""
        link = self._read(token, PutLink)
        expected = {**link.headers, "Content-Length": str(link.size)}
        if differing := [name for name, value in expected.items() if headers.get(name) != value]:
            raise UploadHeadersDiffer(headers=differing)
        return Incoming(link, self._root / INCOMING, self._root / link.key)

    def open_get(self, token: str) -> Blob:
        link = self._read(token, GetLink)
        path = self._root / link.key
        if not path.is_file():
            raise LinkUnknown()
        return Blob(path, {"Content-Type": link.content_type, "Content-Disposition": attachment(link.name)})

    def stored(self, key: str) -> tuple[int, str] | None:
        """Size and SHA-256 (hex) of what is there, read from the disk."""
        try:
            with (self._root / key).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
                return file.tell(), digest.hexdigest()
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        (self._root / key).unlink(missing_ok=True)
        _sync(self._root)

    def _url(self, link: Link) -> str:
        body = urlsafe_b64encode(link.model_dump_json().encode()).decode()
        return f"{self._base_url}/{body}.{self._signature(link.operation, body)}"

    def _read(self, token: str, kind: type[L]) -> L:
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(kind.operation, body).encode()):
            raise LinkUnknown()
        link = kind.model_validate_json(urlsafe_b64decode(body))
        if link.expires_at <= clock.now():
            raise LinkExpired()
        return link

    def _signature(self, operation: str, body: str) -> str:
        return hmac.new(self._key, f"blob:{operation}:{body}".encode(), hashlib.sha256).hexdigest()


def open_blobs(settings: Settings, keys: Keys) -> BlobFolder:
    """The platform's own folder: the same to whoever makes links and to whoever serves them."""
    return BlobFolder(settings.data_dir / "files", keys.digest, f"{settings.public_url}/v1/blobs")


def attachment(name: str) -> str:
    """A Content-Disposition that saves the file under `name` (RFC 6266), with a plain name for old clients."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def checksum(sha256: str) -> str:
    """A hex digest as S3's headers have it."""
    return b64encode(bytes.fromhex(sha256)).decode()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

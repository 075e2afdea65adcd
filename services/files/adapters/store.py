"""What files needs of a store of bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.files.domain import Stored


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The one request that brings the bytes: a PUT to `url` with these `headers`, and the body's Content-Length."""

    url: str
    headers: Mapping[str, str]


class FileStore(Protocol):
    """Keys are plain names. What talks to a store that does not answer raises `Unavailable`."""

    def upload_form(self, key: str, size: int, sha256: str, content_type: str, lifetime: timedelta) -> UploadForm:
        """Good for just these bytes (`sha256` in hex): others, of whatever length, and other keys are refused.

        It can be used again until its `lifetime` (at least a second) is over, which is harmless: only the same bytes
        get in.
        """
        ...

    def stored(self, key: str) -> Stored | None:
        """What is there, as the store verified it or as read from it now."""
        ...

    def download_url(self, key: str, name: str, content_type: str, lifetime: timedelta) -> str:
        """Hands the bytes out as a file to be saved as `name`."""
        ...

    def delete(self, key: str) -> None:
        """Deleting what is not there changes nothing."""
        ...

    def ready(self) -> bool: ...

    def install(self) -> None:
        """Makes what is missing. Raises `StoreUnsafe` for a store that does not check what it takes."""
        ...


class StoreUnsafe(RuntimeError):
    """This object store takes other bytes than a link was signed for: files need one that checks SHA-256."""

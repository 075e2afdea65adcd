"""Files in a folder, for the platform without an object store: the gateway serves its links."""

from datetime import timedelta

from services.files.adapters.store import UploadForm
from services.files.domain import Stored
from shared import clock
from shared.blobs import BlobFolder


class DirectoryStore:
    """A `FileStore`."""

    def __init__(self, blobs: BlobFolder) -> None:
        self._blobs = blobs

    def upload_form(self, key: str, size: int, sha256: str, content_type: str, lifetime: timedelta) -> UploadForm:
        url, link = self._blobs.put_link(key, size, sha256, content_type, clock.now() + lifetime)
        return UploadForm(url, link.headers)

    def stored(self, key: str) -> Stored | None:
        found = self._blobs.stored(key)
        return Stored(*found) if found else None

    def download_url(self, key: str, name: str, content_type: str, lifetime: timedelta) -> str:
        return self._blobs.get_link(key, name, content_type, clock.now() + lifetime)

    def delete(self, key: str) -> None:
        self._blobs.delete(key)

    def ready(self) -> bool:
        return self._blobs.installed

    def install(self) -> None:
        self._blobs.install()

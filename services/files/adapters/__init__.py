"""Where files' bytes are: in an S3 object store, or in a folder. One contract suite proves both."""

from services.files.adapters.folder import DirectoryStore
from services.files.adapters.s3 import S3Store
from services.files.adapters.store import FileStore, UploadForm
from shared.blobs import open_blobs
from shared.parts import Parts

__all__ = ["DirectoryStore", "FileStore", "S3Store", "UploadForm", "open_store"]


def open_store(parts: Parts) -> FileStore:
    """As the settings say. Raises ValueError when they name an object store but not its keys."""
    settings = parts.settings
    if settings.s3_endpoint is None:
        return DirectoryStore(open_blobs(settings, parts.keys))
    if not settings.s3_access_key or not settings.s3_secret_key:
        raise ValueError("MENTORING_S3_ENDPOINT needs MENTORING_S3_ACCESS_KEY and MENTORING_S3_SECRET_KEY")
    return S3Store(
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint or settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        bucket=settings.s3_bucket,
        region=settings.s3_region,
    )

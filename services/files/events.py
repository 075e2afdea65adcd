"""What files publishes."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime

from shared.messages import Event, Personal


class UploadStarted(Event, type="files.upload_started"):
    """`expires_at` is until when the bytes may arrive."""

    file_id: UUID
    relationship_id: UUID
    owner_id: UUID
    name: Annotated[str, Personal("owner_id")]
    content_type: str
    size: int
    sha256: Annotated[str, Personal("owner_id")]
    expires_at: AwareDatetime


class FileShared(Event, type="files.file_shared"):
    """Its bytes are in the store and are those announced."""

    file_id: UUID
    relationship_id: UUID
    owner_id: UUID


class FileWithdrawn(Event, type="files.file_withdrawn"):
    file_id: UUID
    relationship_id: UUID
    owner_id: UUID

"""What files can be asked to do."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.messages import Command


class StartUpload(Command):
    """The answer's `upload` says where the bytes go: `method`, `url`, `headers` to send, `expires_at`.

    `size` in bytes; `sha256` in hex.
    """

    file_id: UUID
    relationship_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(min_length=3, max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")]
    size: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CompleteUpload(Command):
    """The bytes are there: compared with what was announced, the file is shared or the upload refused."""

    file_id: UUID


class LinkDownload(Command):
    """The answer's `download` says where the bytes are: `url`, `expires_at`."""

    file_id: UUID


class WithdrawFile(Command):
    file_id: UUID

"""What files can be asked to do."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.messages import Command

FileName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]+$")]
ContentType = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+$")]
Size = Annotated[int, Field(ge=1, le=2**53)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StartUpload(Command):
    """The answer's `upload` says where the bytes go: `method`, `url`, `headers` to send, `expires_at`.

    `size` in bytes; `sha256` in hex.
    """

    file_id: UUID
    relationship_id: UUID
    name: FileName
    content_type: ContentType
    size: Size
    sha256: Sha256


class CompleteUpload(Command):
    """The bytes are there: compared with what was announced, the file is shared or the upload refused."""

    file_id: UUID


class LinkDownload(Command):
    """The answer's `download` says where the bytes are: `url`, `expires_at`."""

    file_id: UUID


class WithdrawFile(Command):
    file_id: UUID


class WithdrawFiles(Command):
    """Sent by the policy: all files of somebody who was erased."""

    person_id: UUID


class RemoveBytes(Command):
    """Sent by the policy, once a file is withdrawn."""

    file_id: UUID

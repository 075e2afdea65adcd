"""What files does because of what happened.

A withdrawal is recorded first, and its bytes are removed because it was: a crash in between, or a store that is down,
delays the removal and cannot lose it, for a policy's command is sent until it succeeds. Until then nobody is given a
link any more.
"""

from services.files.commands import RemoveBytes, WithdrawFiles
from services.files.events import FileWithdrawn
from services.files.heard import PersonErased
from shared.log import Recorded


def remove_bytes_when_file_withdrawn(event: FileWithdrawn, recorded: Recorded) -> RemoveBytes:
    return RemoveBytes(file_id=event.file_id, at=recorded.occurred_at)


def withdraw_files_when_person_erased(event: PersonErased, recorded: Recorded) -> WithdrawFiles:
    return WithdrawFiles(person_id=event.person_id, at=recorded.occurred_at)

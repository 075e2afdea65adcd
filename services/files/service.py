"""Files, put together: the rules, the store that the bytes are in, and the links that lead to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.files import events, heard
from services.files.adapters import FileStore, open_store
from services.files.commands import CompleteUpload, LinkDownload, RemoveBytes, StartUpload, WithdrawFile, WithdrawFiles
from services.files.directory import FILES, RELATIONSHIPS, files_of, relationship
from services.files.domain import (
    Awaited,
    FileGone,
    Known,
    Nothing,
    PolicyOnly,
    State,
    UploadLinkExpired,
    Wish,
    Withdrawn,
    decide,
    downloadable,
    evolve,
)
from services.files.events import FileWithdrawn, UploadStarted
from services.files.policies import remove_bytes_when_file_withdrawn, withdraw_files_when_person_erased
from shared import clock
from shared.ids import derived_id
from shared.messages import Sealed
from shared.parts import Parts
from shared.refusals import Refusal
from shared.runtime import Reader, Runtime
from shared.service import Aggregate, Asker, Context, Done, Service

DOWNLOAD_LIFETIME = timedelta(minutes=5)
LARGEST_PUT = 5 * 2**30


class FilesSettings(BaseSettings):
    """`max_file_bytes`: S3 takes at the most 5 GiB in one request."""

    model_config = SettingsConfigDict(env_prefix="MENTORING_", frozen=True)

    max_file_bytes: Annotated[int, Field(ge=1, le=LARGEST_PUT)] = 100 * 2**20


FILE: Aggregate[State] = Aggregate(
    category="file",
    initial=Nothing(),
    evolve=evolve,
    decide=decide,
    commands={kind: lambda command: command.file_id for kind in (StartUpload, CompleteUpload, WithdrawFile)},
    subject=lambda event: event.relationship_id,
    opened=True,
)


@dataclass(frozen=True)
class Files:
    """What only the store can answer, and what is told of it."""

    store: FileStore
    max_bytes: int

    def know(self, command: Wish, asker: Asker, reader: Reader) -> Known:
        if isinstance(command, StartUpload):
            return Known(asker, relationship(command.relationship_id, reader), self.max_bytes)
        state = reader.state(FILE, command.file_id)
        known = _knowing(state, asker, reader)
        match command, state:
            case CompleteUpload(), Awaited(file) if file.owner_id == asker.person:
                return replace(known, stored=self.store.stored(_key(file.file_id)))
            case _:
                return known

    def upload(self, event: UploadStarted) -> Mapping[str, Any]:
        """Where the bytes go. A repeat is told again, for as long as is left."""
        if isinstance(event.sha256, Sealed):
            raise FileGone()
        left = event.expires_at - clock.now()
        if left < timedelta(seconds=1):
            raise UploadLinkExpired(expires_at=event.expires_at.isoformat())
        form = self.store.upload_form(_key(event.file_id), event.size, event.sha256, event.content_type, left)
        told = {"method": "PUT", "url": form.url, "headers": dict(form.headers)}
        return {"upload": {**told, "expires_at": event.expires_at.isoformat()}}

    def link_download(self, runtime: Runtime, command: LinkDownload, asker: Asker, context: Context) -> Done:
        """Nothing is recorded: the link is all there is of it."""
        state, version = runtime.load(FILE, command.file_id)
        file = downloadable(state, _knowing(state, asker, runtime.reader))
        expires_at = clock.now() + DOWNLOAD_LIFETIME
        url = self.store.download_url(_key(file.file_id), file.name, file.content_type, DOWNLOAD_LIFETIME)
        return Done(version=version, result={"download": {"url": url, "expires_at": expires_at.isoformat()}})

    def withdraw_files(self, runtime: Runtime, command: WithdrawFiles, asker: Asker, context: Context) -> Done:
        if not asker.is_system:
            raise PolicyOnly()
        commands = [
            (WithdrawFile(file_id=one, at=command.at), replace(context, command_id=derived_id(context.command_id, one)))
            for one in sorted(files_of(command.person_id, runtime.reader))
        ]
        for answer in runtime.execute(commands, asker):
            if isinstance(answer, Refusal):
                raise answer
        return Done()

    def remove_bytes(self, runtime: Runtime, command: RemoveBytes, asker: Asker, context: Context) -> Done:
        """Of a withdrawn file, as often as asked."""
        state, version = runtime.load(FILE, command.file_id)
        if not asker.is_system or not isinstance(state, Withdrawn):
            raise PolicyOnly()
        self.store.delete(_key(command.file_id))
        return Done(version=version)


def _knowing(state: State, asker: Asker, reader: Reader) -> Known:
    return Known(asker, None if isinstance(state, Nothing) else relationship(state.file.relationship_id, reader))


def _key(file_id: UUID) -> str:
    return str(file_id)


def assemble(parts: Parts) -> Service:
    """Raises ValueError for settings that make no sense."""
    files = Files(open_store(parts), FilesSettings().max_file_bytes)
    return Service(
        name="files",
        events=events,
        aggregates=[replace(FILE, know=files.know)],
        procedures={
            LinkDownload: files.link_download,
            WithdrawFiles: files.withdraw_files,
            RemoveBytes: files.remove_bytes,
        },
        replies={UploadStarted: files.upload},
        heard=[heard],
        directory=[RELATIONSHIPS, FILES],
        policies={
            FileWithdrawn: [remove_bytes_when_file_withdrawn],
            heard.PersonErased: [withdraw_files_when_person_erased],
        },
        install=files.store.install,
    )

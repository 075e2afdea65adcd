from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from services.files import heard
from services.files.commands import LinkDownload, RemoveBytes, WithdrawFiles
from services.files.domain import (
    FileGone,
    FileNotShared,
    FileTooLarge,
    FileUnknown,
    OwnersOnly,
    PolicyOnly,
    RelationshipNotActive,
    RelationshipUnknown,
    UploadIncomplete,
    UploadLinkExpired,
)
from services.files.service import assemble
from shared import clock
from shared.blobs import BlobFolder, open_blobs
from shared.ids import new_id
from shared.keys import make_keys
from shared.messages import Event
from shared.parts import Parts
from shared.service import Done
from shared.settings import Settings
from tests.hosted import Hosted
from tests.unit.files.people import ADA, EVE, FILE, GRACE, LETTER, RELATIONSHIP, complete, start, withdraw

Changed = (
    heard.RelationshipPaused
    | heard.RelationshipResumed
    | heard.ConclusionBegun
    | heard.RelationshipCompleted
    | heard.RelationshipEnded
)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    make_keys(tmp_path / "secrets")
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}", secrets_dir=tmp_path / "secrets", data_dir=tmp_path / "data"
    )
    return Parts(settings, "files")


@pytest.fixture
def blobs(parts: Parts) -> BlobFolder:
    return open_blobs(parts.settings, parts.keys)


@pytest.fixture
def files(parts: Parts) -> Hosted:
    return Hosted(assemble(parts), parts)


def between(kind: type[heard.RequestAccepted | heard.RelationshipActivated]) -> Event:
    return kind(relationship_id=RELATIONSHIP, mentor_id=ADA, mentee_id=GRACE)


@pytest.fixture
def active(files: Hosted) -> Hosted:
    files.told(between(heard.RelationshipActivated), subject=RELATIONSHIP)
    return files


@pytest.fixture
def shared(active: Hosted, blobs: BlobFolder) -> Hosted:
    bring(blobs, active.send(start(clock.now()), ADA).result["upload"])
    active.send(complete(clock.now()), ADA)
    return active


def bring(blobs: BlobFolder, upload: Mapping[str, Any], content: bytes = LETTER) -> None:
    """As a client does with the answer, without HTTP."""
    headers = {**upload["headers"], "Content-Length": str(len(content))}
    with blobs.open_put(token(upload["url"]), headers) as incoming:
        incoming.write(content)
        incoming.keep()


def download(files: Hosted, by: UUID | str = GRACE) -> Done:
    return files.send(LinkDownload(file_id=FILE, at=clock.now()), by)


def token(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[1]


def types(files: Hosted) -> list[str]:
    return [recorded.type for recorded in files.log.read(0) if recorded.type.startswith("files.")]


def test_work_is_refused_until_the_relationship_is_heard_to_be_active(files: Hosted) -> None:
    with pytest.raises(RelationshipUnknown):
        files.send(start(clock.now()), ADA)
    files.told(between(heard.RequestAccepted))
    with pytest.raises(RelationshipNotActive):
        files.send(start(clock.now()), ADA)
    files.told(between(heard.RelationshipActivated))
    assert files.send(start(clock.now()), ADA).version == 1


@pytest.mark.parametrize(
    ("history", "works"),
    [
        ([heard.RelationshipPaused], True),
        ([heard.RelationshipPaused, heard.RelationshipResumed], True),
        ([heard.ConclusionBegun], True),
        ([heard.ConclusionBegun, heard.RelationshipCompleted], False),
        ([heard.RelationshipEnded], False),
    ],
)
def test_what_is_heard_later_decides_too(active: Hosted, history: list[type[Changed]], works: bool) -> None:
    for kind in history:
        active.told(kind(relationship_id=RELATIONSHIP))
    if works:
        assert active.send(start(clock.now()), ADA).version == 1
    else:
        with pytest.raises(RelationshipNotActive):
            active.send(start(clock.now()), ADA)


def test_the_answer_says_where_the_bytes_go(active: Hosted) -> None:
    at = clock.now()
    upload = active.send(start(at), ADA).result["upload"]
    assert upload["method"] == "PUT"
    assert upload["url"].startswith("http://127.0.0.1:8000/v1/blobs/")
    assert set(upload["headers"]) == {"Content-Type", "x-amz-checksum-sha256"}
    assert datetime.fromisoformat(upload["expires_at"]) == at + timedelta(hours=1)


def test_a_repeat_is_told_again_where_the_bytes_go(active: Hosted, blobs: BlobFolder) -> None:
    at, command_id = clock.now(), new_id()
    first = active.send(start(at), ADA, command_id=command_id)
    again = active.send(start(at), ADA, command_id=command_id)
    assert again.repeated
    assert again.result["upload"]["expires_at"] == first.result["upload"]["expires_at"]
    bring(blobs, again.result["upload"])
    assert types(active) == ["files.upload_started"]


def test_a_repeat_after_the_link_has_expired_is_told_so(active: Hosted) -> None:
    at, command_id = clock.now() - timedelta(hours=2), new_id()
    for _ in range(2):
        with pytest.raises(UploadLinkExpired):
            active.send(start(at), ADA, command_id=command_id)
    assert types(active) == ["files.upload_started"]


def test_the_name_and_the_digest_are_sealed_in_the_log(active: Hosted) -> None:
    active.send(start(clock.now()), ADA)
    data = active.log.read(1)[0].data
    assert "plan.txt" not in data
    assert start().sha256 not in data


def test_a_file_is_larger_than_is_allowed_by_the_setting(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTORING_MAX_FILE_BYTES", "10")
    files = Hosted(assemble(parts), parts)
    files.told(between(heard.RelationshipActivated))
    with pytest.raises(FileTooLarge):
        files.send(start(clock.now()), ADA)


def test_a_file_is_shared_when_its_bytes_are_there(active: Hosted, blobs: BlobFolder) -> None:
    upload = active.send(start(clock.now()), ADA).result["upload"]
    with pytest.raises(UploadIncomplete):
        active.send(complete(clock.now()), ADA)
    with pytest.raises(FileNotShared):
        download(active)
    bring(blobs, upload)
    with pytest.raises(OwnersOnly):
        active.send(complete(clock.now()), GRACE)
    active.send(complete(clock.now()), ADA)
    assert active.send(complete(clock.now()), ADA).position == 0
    assert types(active) == ["files.upload_started", "files.file_shared"]


def test_its_events_belong_to_the_relationship(shared: Hosted) -> None:
    assert {recorded.subject for recorded in shared.log.read(0)} == {RELATIONSHIP}


@pytest.mark.parametrize("by", [ADA, GRACE])
def test_both_may_download_it_also_when_it_is_over(shared: Hosted, blobs: BlobFolder, by: UUID) -> None:
    shared.told(heard.RelationshipEnded(relationship_id=RELATIONSHIP))
    link = download(shared, by).result["download"]
    blob = blobs.open_get(token(link["url"]))
    assert blob.path.read_bytes() == LETTER
    assert "plan.txt" in blob.headers["Content-Disposition"]
    assert timedelta(minutes=4) < datetime.fromisoformat(link["expires_at"]) - clock.now() <= timedelta(minutes=5)


def test_nobody_else_may_download_it(shared: Hosted) -> None:
    for stranger in (EVE, "anonymous"):
        with pytest.raises(FileUnknown):
            download(shared, stranger)


def test_a_withdrawn_file_loses_its_bytes(shared: Hosted, blobs: BlobFolder) -> None:
    assert blobs.stored(str(FILE)) is not None
    shared.send(withdraw(clock.now()), ADA)
    shared.hear()
    assert blobs.stored(str(FILE)) is None
    with pytest.raises(FileGone):
        download(shared)


def test_bytes_that_a_crash_left_behind_are_removed_when_the_service_hears_again(
    shared: Hosted, parts: Parts, blobs: BlobFolder
) -> None:
    """The withdrawal is recorded; whatever came after it did not happen."""
    shared.send(withdraw(clock.now()), ADA)
    assert blobs.stored(str(FILE)) is not None
    assert types(shared)[-1] == "files.file_withdrawn"
    shared.hear()
    shared.hear()
    assert blobs.stored(str(FILE)) is None


def test_a_person_cannot_remove_bytes(shared: Hosted, blobs: BlobFolder) -> None:
    with pytest.raises(PolicyOnly):
        shared.send(RemoveBytes(file_id=FILE, at=clock.now()), ADA)
    with pytest.raises(PolicyOnly):
        shared.send(RemoveBytes(file_id=FILE, at=clock.now()), "system:remove_bytes_when_file_withdrawn")
    assert blobs.stored(str(FILE)) is not None


def test_an_erased_owners_file_is_gone(shared: Hosted) -> None:
    shared.vault.erase(ADA)
    with pytest.raises(FileGone):
        download(shared)


def test_an_unknown_file_is_not_found(active: Hosted) -> None:
    with pytest.raises(FileUnknown):
        active.send(LinkDownload(file_id=uuid4(), at=clock.now()), ADA)


def test_an_object_store_needs_its_keys(parts: Parts) -> None:
    settings = parts.settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(ValueError, match="MENTORING_S3_ACCESS_KEY"):
        assemble(Parts(settings, "files"))


def test_an_erased_persons_files_are_withdrawn_and_their_bytes_removed(shared: Hosted, blobs: BlobFolder) -> None:
    """Here the upload itself is in the batch in which files hears of it."""
    shared.told(heard.PersonErased(person_id=GRACE))
    assert blobs.stored(str(FILE))
    shared.told(heard.PersonErased(person_id=ADA))
    shared.hear()
    assert blobs.stored(str(FILE)) is None
    assert types(shared)[-1] == "files.file_withdrawn"
    with pytest.raises(PolicyOnly):
        shared.send(WithdrawFiles(person_id=ADA, at=clock.now()), ADA)

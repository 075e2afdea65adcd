import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from shared import clock
from shared.blobs import ABANDONED, BlobFolder, BytesDiffer, LinkExpired, LinkUnknown, UploadHeadersDiffer, attachment

CONTENT = b"what was announced"
SOON = timedelta(minutes=1)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    blobs = BlobFolder(tmp_path, b"key", "http://here")
    blobs.install()
    return blobs


def put(blobs: BlobFolder, key: str = "one", lifetime: timedelta = SOON) -> tuple[str, dict[str, str]]:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    url, link = blobs.put_link(key, len(CONTENT), sha256, "text/plain", clock.now() + lifetime)
    return url.rsplit("/", 1)[1], {**link.headers, "Content-Length": str(link.size)}


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"!", b""])
def test_other_bytes_leave_nothing_behind(blobs: BlobFolder, tmp_path: Path, content: bytes) -> None:
    with blobs.open_put(*put(blobs)) as incoming:
        incoming.write(content)
        with pytest.raises(BytesDiffer):
            incoming.keep()
    assert everything(tmp_path) == []


def test_one_byte_too_many_is_refused_as_it_comes(blobs: BlobFolder, tmp_path: Path) -> None:
    with blobs.open_put(*put(blobs)) as incoming:
        incoming.write(CONTENT)
        with pytest.raises(BytesDiffer):
            incoming.write(b"!")
    assert everything(tmp_path) == []


def test_what_breaks_off_leaves_nothing_behind_and_the_original_alone(blobs: BlobFolder, tmp_path: Path) -> None:
    with blobs.open_put(*put(blobs)) as incoming:
        incoming.write(CONTENT)
        incoming.keep()
    with blobs.open_put(*put(blobs)) as incoming:
        incoming.write(CONTENT[:3])
    assert [path.read_bytes() for path in everything(tmp_path)] == [CONTENT]


def test_headers_must_be_those_of_the_link(blobs: BlobFolder) -> None:
    token, headers = put(blobs)
    for name in headers:
        with pytest.raises(UploadHeadersDiffer) as refused:
            blobs.open_put(token, {**headers, name: "other"})
        assert refused.value.facts == {"headers": [name]}


def test_a_link_ends(blobs: BlobFolder) -> None:
    with pytest.raises(LinkExpired):
        blobs.open_put(*put(blobs, lifetime=-SOON))


@pytest.mark.parametrize("token", ["", ".", "x", "é.é", "e30.e30"])
def test_what_is_no_link_leads_nowhere(blobs: BlobFolder, token: str) -> None:
    with pytest.raises(LinkUnknown):
        blobs.open_get(token)
    with pytest.raises(LinkUnknown):
        blobs.open_put(token, {})


def test_another_key_signs_other_links(blobs: BlobFolder, tmp_path: Path) -> None:
    token, headers = put(BlobFolder(tmp_path, b"another key", "http://here"))
    with pytest.raises(LinkUnknown):
        blobs.open_put(token, headers)


def test_installing_clears_away_what_was_abandoned_and_leaves_what_is_coming_in(
    blobs: BlobFolder, tmp_path: Path
) -> None:
    for name, age in (("old", 2 * ABANDONED), ("new", timedelta())):
        path = tmp_path / ".incoming" / name
        path.write_bytes(b"half")
        moment = time.time() - age.total_seconds()
        os.utime(path, (moment, moment))
    blobs.install()
    assert [path.name for path in everything(tmp_path)] == ["new"]


def test_a_name_cannot_break_out_of_its_header() -> None:
    header = attachment('a"; filename=b\r\nSet-Cookie: c; x="é')
    assert header.isascii()
    assert "\r" not in header
    assert header.count('"') == 2

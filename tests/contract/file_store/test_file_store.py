"""What every store of files keeps, seen from outside: a client with links, over real HTTP."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from email.message import Message
from http.client import HTTPConnection
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import httpx
import pytest

from services.files.adapters import FileStore, UploadForm
from services.files.domain import Stored

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LETTER = b"Dear Grace, here is the plan."
OTHER = b"Dear Grace, here is the PLAN."
REFUSED = {400, 403, 404, 411, 422}


@pytest.fixture
def key() -> str:
    return str(uuid4())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def form_for(store: FileStore, key: str, content: bytes = LETTER, lifetime: timedelta = MINUTE) -> UploadForm:
    return store.upload_form(key, len(content), sha256(content), "text/plain", lifetime)


def put(client: httpx.Client, form: UploadForm, content: bytes) -> int:
    return client.put(form.url, content=content, headers=dict(form.headers)).status_code


def link(store: FileStore, key: str, name: str = "plan.txt", lifetime: timedelta = MINUTE) -> str:
    return store.download_url(key, name, "text/plain", lifetime)


def poll(ask: Callable[[], int], expected: set[int]) -> int:
    until = time.monotonic() + 10
    while (status := ask()) not in expected:
        assert time.monotonic() < until, f"still {status}"
        time.sleep(0.1)
    return status


def test_installing_again_changes_nothing(store: FileStore, client: httpx.Client, key: str) -> None:
    assert put(client, form_for(store, key), LETTER) == 200
    store.install()
    assert store.ready()
    assert store.stored(key) == Stored(len(LETTER), sha256(LETTER))


def test_what_was_announced_goes_in(store: FileStore, client: httpx.Client, key: str) -> None:
    assert store.stored(key) is None
    assert put(client, form_for(store, key), LETTER) == 200
    assert store.stored(key) == Stored(len(LETTER), sha256(LETTER))


@pytest.mark.parametrize("size", [1, 2**20, 3 * 2**20 + 1])
def test_whatever_its_size(store: FileStore, client: httpx.Client, key: str, size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    content = content[:size]
    assert put(client, form_for(store, key, content), content) == 200
    assert store.stored(key) == Stored(size, sha256(content))
    assert client.get(link(store, key)).content == content


@pytest.mark.parametrize("content", [OTHER, LETTER[:-1], LETTER + b"!", b""], ids=["other", "shorter", "longer", "no"])
def test_other_bytes_are_refused_and_nothing_is_kept(
    store: FileStore, client: httpx.Client, key: str, content: bytes
) -> None:
    assert put(client, form_for(store, key), content) in REFUSED
    assert store.stored(key) is None


def test_a_body_of_untold_length_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield LETTER

    form = form_for(store, key)
    assert client.put(form.url, content=chunks(), headers=dict(form.headers)).status_code in REFUSED
    assert store.stored(key) is None


def test_another_length_is_refused_before_any_byte_is_sent(store: FileStore, key: str) -> None:
    """Or whoever has a link could keep the store busy with whatever they like."""
    form = form_for(store, key)
    address = urlsplit(form.url)
    with closing(HTTPConnection(address.netloc, timeout=5)) as connection:
        connection.putrequest("PUT", f"{address.path}?{address.query}")
        for name, value in {**form.headers, "Content-Length": str(10**9)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status in REFUSED


@pytest.mark.parametrize("missing", ["x-amz-checksum-sha256", "Content-Type"])
def test_a_missing_header_is_refused(store: FileStore, client: httpx.Client, key: str, missing: str) -> None:
    form = form_for(store, key)
    headers = {name: value for name, value in form.headers.items() if name != missing}
    assert client.put(form.url, content=LETTER, headers=headers).status_code in REFUSED
    assert store.stored(key) is None


def test_the_checksum_of_other_bytes_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    form, other = form_for(store, key), form_for(store, key, OTHER)
    assert client.put(form.url, content=OTHER, headers=dict(other.headers)).status_code in REFUSED
    assert store.stored(key) is None


def test_another_key_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    """A link is for one place: what it says of it cannot be exchanged for another's."""
    another = str(uuid4())
    form, theirs = form_for(store, key), form_for(store, another)
    if key in form.url:
        swapped = form.url.replace(key, another)
    else:
        token, their_token = form.url.rsplit("/", 1)[1], theirs.url.rsplit("/", 1)[1]
        signature = token.rsplit(".", 1)[1]
        swapped = f"{form.url.rsplit('/', 1)[0]}/{their_token.rsplit('.', 1)[0]}.{signature}"
    assert swapped not in (form.url, theirs.url)
    assert put(client, UploadForm(swapped, form.headers), LETTER) in REFUSED
    assert store.stored(key) is None
    assert store.stored(another) is None


def test_an_expired_upload_link_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    form = form_for(store, key, lifetime=SECOND)
    poll(lambda: put(client, form, LETTER), {403})
    store.delete(key)
    assert put(client, form, LETTER) == 403
    assert store.stored(key) is None


def test_a_used_link_takes_the_same_bytes_again_and_no_others(store: FileStore, client: httpx.Client, key: str) -> None:
    form = form_for(store, key)
    assert put(client, form, LETTER) == 200
    assert put(client, form, OTHER) in REFUSED
    assert put(client, form, LETTER + b"!") in REFUSED
    assert store.stored(key) == Stored(len(LETTER), sha256(LETTER))
    assert client.get(link(store, key)).content == LETTER
    assert put(client, form, LETTER) == 200


@pytest.mark.parametrize("name", ["plan.txt", 'the "best" plan;100%.txt', "Plan für Zoë – 計画.txt"])
def test_a_download_gives_the_bytes_their_type_and_their_name(
    store: FileStore, client: httpx.Client, key: str, name: str
) -> None:
    put(client, form_for(store, key), LETTER)
    answer = client.get(link(store, key, name))
    assert (answer.status_code, answer.content) == (200, LETTER)
    assert answer.headers["content-type"] == "text/plain"
    assert saved_as(answer.headers["content-disposition"]) == name


def test_an_expired_download_link_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    put(client, form_for(store, key), LETTER)
    url = link(store, key, lifetime=SECOND)
    poll(lambda: client.get(url).status_code, {403})


def test_a_forged_link_is_refused(store: FileStore, client: httpx.Client, key: str) -> None:
    put(client, form_for(store, key), LETTER)
    url = link(store, key)
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert client.get(forged).status_code in {403, 404}
    assert client.get(url).status_code == 200


def test_a_link_for_one_way_is_of_no_use_for_the_other(store: FileStore, client: httpx.Client, key: str) -> None:
    form = form_for(store, key)
    assert put(client, form, LETTER) == 200
    assert client.get(form.url, headers=dict(form.headers)).status_code in {403, 404}
    store.delete(key)
    assert put(client, UploadForm(link(store, key), form.headers), LETTER) in {403, 404}
    assert store.stored(key) is None


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: FileStore, client: httpx.Client, key: str) -> None:
    put(client, form_for(store, key), LETTER)
    url = link(store, key)
    store.delete(key)
    store.delete(key)
    assert store.stored(key) is None
    assert client.get(url).status_code == 404


def saved_as(disposition: str) -> str:
    message = Message()
    message["content-disposition"] = disposition
    assert message.get_content_disposition() == "attachment"
    _, _, encoded = disposition.partition("filename*=UTF-8''")
    return unquote(encoded)

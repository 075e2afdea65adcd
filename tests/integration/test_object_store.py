"""Files on a real object store: from the announcement to the removal, and when the store is not there."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from minio import Minio
from minio.error import S3Error

from deploy.servers import Servers
from services.files import heard
from services.files.adapters import S3Store
from services.files.adapters.store import StoreUnsafe
from services.files.commands import LinkDownload
from services.files.domain import Stored, UploadIncomplete
from services.files.service import assemble
from shared import clock
from shared.keys import make_keys
from shared.parts import Parts
from shared.refusals import Unavailable
from shared.settings import Settings
from tests.hosted import Hosted
from tests.unit.files.people import ADA, FILE, GRACE, LETTER, RELATIONSHIP, complete, start, withdraw


@pytest.fixture
def settings(servers: Servers, tmp_path: Path) -> Settings:
    make_keys(tmp_path / "secrets")
    told = servers.environment
    return Settings(
        database_url=f"sqlite:///{tmp_path}",
        secrets_dir=tmp_path / "secrets",
        s3_endpoint=told["MENTORING_S3_ENDPOINT"],
        s3_access_key=told["MENTORING_S3_ACCESS_KEY"],
        s3_secret_key=told["MENTORING_S3_SECRET_KEY"],
        s3_bucket=f"test-{uuid4()}",
    )


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def store_at(endpoint: str, settings: Settings, public: str | None = None) -> S3Store:
    return S3Store(
        endpoint=endpoint,
        public_endpoint=public or endpoint,
        access_key=str(settings.s3_access_key),
        secret_key=str(settings.s3_secret_key),
        bucket=settings.s3_bucket,
        region=settings.s3_region,
    )


def test_a_file_goes_from_one_to_the_other_and_is_withdrawn(settings: Settings, client: httpx.Client) -> None:
    parts = Parts(settings, "files")
    files = Hosted(assemble(parts), parts)
    files.told(heard.RelationshipActivated(relationship_id=RELATIONSHIP, mentor_id=ADA, mentee_id=GRACE))
    upload = files.send(start(clock.now()), ADA).result["upload"]
    with pytest.raises(UploadIncomplete):
        files.send(complete(clock.now()), ADA)
    assert client.request(upload["method"], upload["url"], content=LETTER, headers=upload["headers"]).status_code == 200
    files.send(complete(clock.now()), ADA)
    url = files.send(LinkDownload(file_id=FILE, at=clock.now()), GRACE).result["download"]["url"]
    assert client.get(url).content == LETTER
    files.send(withdraw(clock.now()), ADA)
    files.hear()
    assert client.get(url).status_code == 404


def test_links_are_for_the_address_that_clients_see(settings: Settings, client: httpx.Client) -> None:
    """A signature covers the host, so a link made for one address is of no use at another."""
    endpoint = str(settings.s3_endpoint)
    store = store_at(endpoint, settings, public=endpoint.replace("127.0.0.1", "localhost"))
    store.install()
    form = store.upload_form("one", len(LETTER), hashlib.sha256(LETTER).hexdigest(), "text/plain", timedelta(minutes=1))
    assert urlsplit(form.url).hostname == "localhost"
    inside = form.url.replace("localhost", "127.0.0.1")
    assert client.put(inside, content=LETTER, headers=dict(form.headers)).status_code == 403
    assert client.put(form.url, content=LETTER, headers=dict(form.headers)).status_code == 200
    link = store.download_url("one", "plan.txt", "text/plain", timedelta(minutes=1))
    assert client.get(link).content == LETTER
    assert client.get(link.replace("localhost", "127.0.0.1")).status_code == 403
    assert store.stored("one") is not None


def test_links_are_made_while_the_store_is_down(settings: Settings) -> None:
    store = store_at("http://127.0.0.1:9", settings)
    assert store.download_url("one", "plan.txt", "text/plain", timedelta(minutes=1))


def test_bytes_without_a_checksum_are_read(settings: Settings) -> None:
    store = store_at(str(settings.s3_endpoint), settings)
    store.install()
    content = b"x" * (6 * 2**20)
    address = urlsplit(str(settings.s3_endpoint))
    client = Minio(address.netloc, settings.s3_access_key, settings.s3_secret_key, secure=False)
    client.put_object(settings.s3_bucket, "plain", BytesIO(content), len(content), part_size=5 * 2**20)
    kept = client.stat_object(settings.s3_bucket, "plain", extra_headers={"x-amz-checksum-mode": "ENABLED"})
    assert kept.metadata is not None
    assert "x-amz-checksum-sha256" not in kept.metadata
    assert store.stored("plain") == Stored(len(content), hashlib.sha256(content).hexdigest())


def test_a_wrong_secret_is_an_error_not_an_outage(settings: Settings) -> None:
    wrong = settings.model_copy(update={"s3_secret_key": "wrong-secret"})
    with pytest.raises(S3Error, match="AccessDenied"):
        store_at(str(settings.s3_endpoint), wrong).install()


class TakesAnything(BaseHTTPRequestHandler):
    """A store that says yes to whatever comes."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._yes()

    def do_HEAD(self) -> None:
        self._yes()

    def do_DELETE(self) -> None:
        self._yes()

    def log_message(self, *told: object) -> None:
        pass

    def _yes(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_a_store_that_takes_other_bytes_is_not_used(settings: Settings) -> None:
    with HTTPServer(("127.0.0.1", 0), TakesAnything) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(StoreUnsafe):
                store_at(f"http://127.0.0.1:{server.server_port}", settings).install()
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def dead_end() -> Iterator[str]:
    """An address where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_store_that_is_down_is_unavailable(settings: Settings) -> None:
    with dead_end() as endpoint:
        store = store_at(endpoint, settings)
    with pytest.raises(Unavailable):
        store.stored("one")
    with pytest.raises(Unavailable):
        store.delete("one")
    with pytest.raises(Unavailable):
        store.install()
    assert not store.ready()


def test_a_store_that_does_not_answer_is_unavailable_in_time(settings: Settings) -> None:
    with dead_end() as endpoint:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            store_at(endpoint, settings).stored("one")
        assert time.monotonic() - began < 6

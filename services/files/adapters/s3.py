"""Files in an S3 object store: the `minio` client, and botocore's signature for uploads.

The client's own presigned PUT signs the host alone, so it would let any bytes in. Signed headers bind length, SHA-256
and content type: the store itself refuses whatever differs.
"""

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import urllib3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from minio.helpers import DictType

from services.files.adapters.store import StoreUnsafe, UploadForm
from services.files.domain import Stored
from shared.blobs import PIECE, attachment, checksum
from shared.refusals import Unavailable

TIMEOUT = urllib3.Timeout(connect=1, read=2)
CHECKSUM = "x-amz-checksum-sha256"
PROBE = "probe"


class S3Store:
    """A `FileStore`. Links are made for `public_endpoint`, which clients see; this process itself uses `endpoint`.

    Both are `http(s)://host[:port]`. With the region given, making a link asks nobody.
    """

    def __init__(
        self, endpoint: str, public_endpoint: str, access_key: str, secret_key: str, bucket: str, region: str
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._public_endpoint = public_endpoint.rstrip("/")
        self._credentials = Credentials(access_key, secret_key)
        self._bucket = bucket
        self._region = region
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=urllib3.Retry(1, redirect=0), maxsize=10)
        self._client = self._connect(self._endpoint)
        self._links = self._connect(self._public_endpoint)

    def upload_form(self, key: str, size: int, sha256: str, content_type: str, lifetime: timedelta) -> UploadForm:
        return self._form(self._public_endpoint, key, size, sha256, content_type, lifetime)

    def stored(self, key: str) -> Stored | None:
        """The checksum that the store keeps is one that it verified: `install` has tried that."""
        with _answering():
            try:
                found = self._client.stat_object(self._bucket, key, extra_headers={"x-amz-checksum-mode": "ENABLED"})
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return None
                raise
            kept = found.metadata.get(CHECKSUM) if found.metadata else None
            return Stored(found.size or 0, b64decode(kept).hex() if kept else self._digest(key))

    def download_url(self, key: str, name: str, content_type: str, lifetime: timedelta) -> str:
        answer: DictType = {
            "response-content-disposition": attachment(name),
            "response-content-type": content_type,
        }
        return self._links.presigned_get_object(self._bucket, key, lifetime, response_headers=answer)

    def delete(self, key: str) -> None:
        with _answering():
            self._client.remove_object(self._bucket, key)

    def ready(self) -> bool:
        try:
            with _answering():
                return self._client.bucket_exists(self._bucket)
        except Unavailable:
            return False

    def install(self) -> None:
        with _answering():
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()
            self._try_other_bytes()

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket, self._region)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def _try_other_bytes(self) -> None:
        form = self._form(
            self._endpoint, PROBE, 5, hashlib.sha256(b"these").hexdigest(), "text/plain", timedelta(minutes=1)
        )
        answer = self._http.request("PUT", form.url, body=b"those", headers=form.headers)
        if answer.status < 300:
            self._client.remove_object(self._bucket, PROBE)
            raise StoreUnsafe(StoreUnsafe.__doc__)

    def _form(
        self, endpoint: str, key: str, size: int, sha256: str, content_type: str, lifetime: timedelta
    ) -> UploadForm:
        """Content-Length is signed too, but not told: every client sends it by itself, and browsers allow no other."""
        headers = {"Content-Type": content_type, CHECKSUM: checksum(sha256)}
        signed = {**headers, "Content-Length": str(size)}
        request = AWSRequest("PUT", f"{endpoint}/{self._bucket}/{key}", headers=signed)
        seconds = int(lifetime.total_seconds())
        S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=seconds).add_auth(request)
        return UploadForm(request.url, headers)

    def _digest(self, key: str) -> str:
        digest = hashlib.sha256()
        answer = self._client.get_object(self._bucket, key)
        try:
            for piece in answer.stream(PIECE):
                digest.update(piece)
        finally:
            answer.close()
            answer.release_conn()
        return digest.hexdigest()

    def _connect(self, endpoint: str) -> Minio:
        address = urlsplit(endpoint)
        keys = self._credentials
        return Minio(
            address.netloc,
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            secure=address.scheme == "https",
            region=self._region,
            http_client=self._http,
        )


@contextmanager
def _answering() -> Iterator[None]:
    """A store that is down, or not itself, is `Unavailable`; one that refuses our keys is set up wrongly: a bug."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, ServerError, InvalidResponseError) as error:
        raise Unavailable("The object store does not answer: try again shortly.") from error
    except S3Error as error:
        if error.response.status >= 500:
            raise Unavailable("The object store does not answer: try again shortly.") from error
        raise

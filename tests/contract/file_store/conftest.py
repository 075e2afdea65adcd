from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from deploy.servers import Servers
from services.files.adapters import DirectoryStore, FileStore, S3Store
from tests.contract.file_store.serving import served


@pytest.fixture(scope="package")
def folder_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileStore]:
    with served(tmp_path_factory.mktemp("blobs")) as blobs:
        yield DirectoryStore(blobs)


@pytest.fixture(scope="package")
def s3_store(servers: Servers) -> FileStore:
    settings = servers.environment
    return S3Store(
        endpoint=settings["MENTORING_S3_ENDPOINT"],
        public_endpoint=settings["MENTORING_S3_ENDPOINT"],
        access_key=settings["MENTORING_S3_ACCESS_KEY"],
        secret_key=settings["MENTORING_S3_SECRET_KEY"],
        bucket=f"contract-{uuid4()}",
        region="us-east-1",
    )


@pytest.fixture(scope="package", params=["folder", pytest.param("s3", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> FileStore:
    store: FileStore = request.getfixturevalue(f"{request.param}_store")
    store.install()
    return store


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client

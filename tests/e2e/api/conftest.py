"""The embedded platform behind a real HTTP server: one for all tests of the API, with a programme for each."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from services import platform
from services.gateway.app import create_app
from shared.settings import Settings
from tests.e2e.api.people import Pair, Person, Programme, activate, new_pair, new_programme, sign_in

COORDINATOR = "coordinator@example.org"
PASSWORD = "a coordinator's password"


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("platform")
    return Settings(
        database_url=f"sqlite:///{folder / 'data'}",
        secrets_dir=Path(folder / "secrets"),
        data_dir=Path(folder / "data"),
        coordinator_email=COORDINATOR,
        coordinator_password=PASSWORD,
    )


@pytest.fixture(scope="session")
def app(settings: Settings) -> Iterator[FastAPI]:
    with platform.embedded(settings) as app:
        yield app


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def http(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as client:
        yield client


@pytest.fixture
def behind(app: FastAPI) -> Iterator[Callable[..., Person]]:
    """The same person at a gateway of which some parts are others: `behind(ada, bus=...)`."""
    with ExitStack() as stack:

        def another(person: Person, **parts: Any) -> Person:
            gateway = replace(app.state.gateway, **parts)
            return replace(person, http=stack.enter_context(served(create_app(gateway))))

        yield another


@pytest.fixture(scope="module")
def coordinator(http: httpx.Client) -> Person:
    """Signed in for each module anew: a token is good for ten minutes."""
    return sign_in(http, COORDINATOR, PASSWORD)


@pytest.fixture
def programme(coordinator: Person) -> Programme:
    return new_programme(coordinator)


@pytest.fixture
def asked(programme: Programme) -> Pair:
    """Ada has asked Grace to be her mentor."""
    return new_pair(programme)


@pytest.fixture
def pair(asked: Pair) -> Pair:
    """Ada and Grace, whose relationship is active."""
    return activate(asked)

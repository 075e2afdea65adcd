"""Where a request may go, and how long it may take."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from services.webhooks.domain import Failed, Taken
from services.webhooks.posting import Post
from tests.receiver import Receiver, receiving
from tests.unit.webhooks.tls import certificate


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def post(url: str, *, private: bool = True, seconds: float = 5) -> Taken | Failed:
    async def once() -> Taken | Failed:
        async with Post(private=private, seconds=seconds) as post:
            return await post.send(url, {"webhook-id": "an id"}, b"{}")

    return asyncio.run(once())


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """A name server that answers with these whatever it is asked."""

    def answer(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_what_is_taken_was_sent_as_it_is(receiver: Receiver) -> None:
    assert post(receiver.url + "?key=a%20b") == Taken()
    [received] = receiver.received
    assert (received.path, received.body, received.headers["webhook-id"]) == ("/hook?key=a%20b", b"{}", "an id")
    assert received.headers["host"] == receiver.url.split("/")[2]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_nothing_inside_is_connected_to_however_it_is_written(receiver: Receiver, host: str) -> None:
    port = receiver.url.split(":")[2]
    assert post(f"https://{host}:{port}", private=False) == Failed("address_not_allowed")
    assert receiver.received == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["1.1.1.1", "127.0.0.1"]])
def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    resolving_to(monkeypatch, *addresses)
    connected: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, at: connected.append(at))
    assert post("https://rebinding.example.org/", private=False) == Failed("address_not_allowed")
    assert connected == []


def test_it_connects_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    resolving_to(monkeypatch, "127.0.0.1")
    port = receiver.url.split(":")[2].split("/")[0]
    assert post(f"http://receiver.example.org:{port}/hook") == Taken()
    assert receiver.received[0].headers["host"] == f"receiver.example.org:{port}"


def test_tls_is_with_whom_the_url_names_and_nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The connection goes to an address, but the certificate must be the name's."""
    trusted = certificate(tmp_path, "receiver.example.org")
    resolving_to(monkeypatch, "127.0.0.1")
    with receiving(trusted) as receiver:
        port = receiver.url.split(":")[2]
        assert post(f"https://receiver.example.org:{port}") == Failed("tls_failed")
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert post(f"https://receiver.example.org:{port}") == Taken()
        assert post(f"https://other.example.org:{port}") == Failed("tls_failed")
        assert len(receiver.received) == 1


def test_plain_http_is_for_inside_only(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "1.1.1.1")
    assert post("http://receiver.example.org/", private=False) == Failed("address_not_allowed")


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.answer = lambda _: (307, {"Location": elsewhere.url})
        assert post(receiver.url) == Failed("status_307")
        assert elsewhere.received == []


@pytest.mark.parametrize(
    ("status", "failed"),
    [(500, Failed("status_500")), (404, Failed("status_404")), (410, Failed("status_410", final=True))],
)
def test_whatever_is_not_a_success_has_failed(receiver: Receiver, status: int, failed: Failed) -> None:
    receiver.answer = lambda _: (status, {})
    assert post(receiver.url) == failed


def test_a_receiver_may_say_when_to_come_again(receiver: Receiver) -> None:
    receiver.answer = lambda _: (429, {"Retry-After": "120"})
    assert post(receiver.url) == Failed("status_429", timedelta(seconds=120))
    then = datetime.now(UTC) + timedelta(hours=2)
    receiver.answer = lambda _: (503, {"Retry-After": format_datetime(then, usegmt=True)})
    failed = post(receiver.url)
    assert isinstance(failed, Failed) and failed.retry_after
    assert timedelta(minutes=119) < failed.retry_after <= timedelta(hours=2)
    receiver.answer = lambda _: (503, {"Retry-After": "soon, I hope"})
    assert post(receiver.url) == Failed("status_503")


def test_who_does_not_answer_in_time_has_failed(receiver: Receiver) -> None:
    answered = threading.Event()
    receiver.answer = lambda _: (200 if answered.wait(10) else 500, {})
    assert post(receiver.url, seconds=0.2) == Failed("timed_out")
    answered.set()


def test_who_drips_an_answer_has_failed_too() -> None:
    """Each byte comes in time, the whole never does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert post(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=0.5) == Failed("timed_out")
        ended.set()
        dripping.join()


def test_an_endless_answer_is_not_listened_to(receiver: Receiver) -> None:
    receiver.answer = lambda _: (200, {"Content-Length": str(10**9)})
    assert post(receiver.url, seconds=1) == Failed("timed_out")


def test_failures_are_told_apart(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/") == Failed("unreachable")
    assert post(receiver.url.replace("http:", "https:")) == Failed("tls_failed")
    assert post("http://nowhere.invalid/") == Failed("name_unknown")

"""Posting to URLs that somebody else has named: to the public internet only, and never for long."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx

from services.webhooks.domain import Failed, Taken
from shared import clock
from shared.addresses import is_public

logger = logging.getLogger(__name__)

SECONDS = 15.0
AT_ONCE = 200
IDLE_SECONDS = 30.0
ANSWER_BYTES = 16_384
RESOLVING_AT_ONCE = 32


class AddressNotAllowed(Exception):
    """The URL leads to where only the platform itself may go."""


class Post:
    """One connection pool. Redirects are not followed, no proxy is used, and an answer's body is not kept."""

    def __init__(self, *, private: bool, seconds: float = SECONDS) -> None:
        self._private = private
        self._seconds = seconds
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._network = _CheckedNetwork(private)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=None,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._network,
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Taken | Failed:
        try:
            async with self._slots, asyncio.timeout(self._seconds):
                return await self._send(url, headers, body)
        except AddressNotAllowed:
            return Failed("address_not_allowed")
        except TimeoutError:
            return Failed("timed_out")
        except socket.gaierror:
            return Failed("name_unknown")
        except httpcore.ProtocolError:
            return Failed("not_http")
        except (OSError, httpcore.NetworkError, httpcore.TimeoutException) as error:
            return Failed("tls_failed" if isinstance(error.__context__, ssl.SSLError) else "unreachable")
        except Exception:
            logger.exception("a webhook's request failed here")
            return Failed("internal_error")

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Taken | Failed:
        at = urlsplit(url)
        if at.scheme != "https" and not self._private:
            raise AddressNotAllowed
        sent = {**headers, "host": at.netloc, "content-length": str(len(body))}
        async with self._pool.stream("POST", url, headers=list(sent.items()), content=body) as answer:
            await _drain(answer)
        return _judged(answer.status, {name.lower(): value for name, value in answer.headers})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()
        self._network.close()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name itself, looks at each address that it gets, and connects to just those."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._plain = httpcore.AnyIOBackend()
        self._resolving = ThreadPoolExecutor(RESOLVING_AT_ONCE, "resolving")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception = AddressNotAllowed()
        for address in await self._addresses(host, port):
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Raises `AddressNotAllowed` when any of them is not: a name that is half inside is not to be trusted."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._resolving, _resolve, host, port)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._private and not all(is_public(address) for address in addresses):
            raise AddressNotAllowed
        return addresses

    def close(self) -> None:
        self._resolving.shutdown(wait=False, cancel_futures=True)


def _resolve(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _drain(answer: httpcore.Response) -> None:
    """A short body, so that the connection can be used again. A longer one is not waited for."""
    left = ANSWER_BYTES
    async for chunk in answer.aiter_stream():
        left -= len(chunk)
        if left < 0:
            return


def _judged(status: int, headers: Mapping[bytes, bytes]) -> Taken | Failed:
    if 200 <= status < 300:
        return Taken()
    return Failed(f"status_{status}", _retry_after(headers.get(b"retry-after", b"").decode("latin-1")), status == 410)


def _retry_after(value: str) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value[:9]))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return _aware(at) - clock.now()


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)

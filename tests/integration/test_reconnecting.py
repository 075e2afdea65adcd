"""The gateway finds its way back to the broker, wherever a connection breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from shared.rpc import RpcBus
from tests.integration.stage import eventually


class Wire:
    """Between the bus and the broker. Of what the broker says next, `passing` pieces come through: then it breaks, or
    for a `silent` one nothing comes any more."""

    def __init__(self, broker_url: str, silent: bool) -> None:
        self._at = urlsplit(broker_url)
        self._silent = silent
        self._writers: set[asyncio.StreamWriter] = set()
        self.passing: int | None = None
        self.broken = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            yield self._at._replace(netloc=f"{self._at.username}:{self._at.password}@127.0.0.1:{port}").geturl()
            self.cut()

    def cut(self) -> None:
        """At once, with a reset."""
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._at.hostname, self._at.port)
        self._writers |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(self._pass(reader, back, lambda: True), self._pass(there, writer, self._may_pass))

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, may: Callable[[], bool]) -> None:
        while piece := await source.read(65536):
            if not may():
                self.broken += 1
                if not self._silent:
                    self.cut()
                return
            to.write(piece)
            await to.drain()
        to.close()

    def _may_pass(self) -> bool:
        if self.passing is None:
            return True
        self.passing -= 1
        return self.passing >= 0


@pytest.mark.parametrize(("passing", "silent"), [(0, False), (4, False), (6, False), (1, True), (5, True)])
def test_wherever_a_connection_breaks_the_next_one_is_made(
    fresh_broker: Callable[[], str], passing: int, silent: bool
) -> None:
    async def break_and_wait() -> int:
        wire = Wire(fresh_broker(), silent)
        async with wire.open() as url:
            bus = RpcBus(url)
            bus.start()
            await until(lambda: bus.connected)
            wire.passing = passing
            wire.cut()
            await until(lambda: not bus.connected)
            await until(lambda: bool(wire.broken))
            wire.passing = None
            await until(lambda: bus.connected)
            await bus.stop()
        return wire.broken

    assert asyncio.run(break_and_wait()) >= 1


async def until(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, holds, 60)

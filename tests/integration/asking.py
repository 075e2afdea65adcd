"""How tests ask a service over the broker: as the gateway does, and by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aio_pika

from shared import clock
from shared.ids import new_id
from shared.rpc import RpcBus
from shared.service import Context
from tests.integration.stage import eventually


def context(seconds: float = 10) -> Context:
    return Context(new_id(), new_id(), deadline=clock.now() + timedelta(seconds=seconds))


@asynccontextmanager
async def connected(broker_url: str) -> AsyncIterator[RpcBus]:
    bus = RpcBus(broker_url)
    bus.start()
    try:
        await asyncio.to_thread(eventually, lambda: bus.connected, 60)
        yield bus
    finally:
        await bus.stop()


async def call(broker_url: str, method: str, payload: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    """By hand, as nobody who means well would call; `method` is like `identity.sign_in`."""
    async with await aio_pika.connect(broker_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("nameko-rpc")
        replies = await channel.declare_queue(exclusive=True)
        await replies.bind(exchange, replies.name)
        sent = {"command_id": str(new_id()), "correlation_id": str(new_id()), **headers}
        message = aio_pika.Message(
            json.dumps({"args": [], "kwargs": {"payload": payload}}).encode(),
            content_type="application/json",
            content_encoding="utf-8",
            reply_to=replies.name,
            headers={f"nameko.{name}": value for name, value in sent.items()},
        )
        await exchange.publish(message, method)
        async with replies.iterator(timeout=10) as answers:
            async for answer in answers:
                return dict(json.loads(answer.body))
    raise AssertionError("no answer")

"""The gateway's way to the services: RPC in nameko's wire format, spoken without eventlet."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from prometheus_client import Gauge

from shared import clock
from shared.messages import Command
from shared.refusals import Unavailable
from shared.service import Context, Done, wire_name
from shared.wire import ServiceFailed, from_answer, to_headers

logger = logging.getLogger(__name__)

EXCHANGE = "nameko-rpc"
HEADER_PREFIX = "nameko."
PATIENCE = timedelta(seconds=5)
CONNECT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10
RETRY_SECONDS = 0.5
CONNECTED = Gauge("mentoring_rpc_connected", "1 while commands can be sent")
LOST = (AMQPError, ChannelInvalidStateError, OSError)


class ServiceUnavailable(Unavailable):
    """This part of the platform does not answer: try again shortly."""


class RpcBus:
    """A `CommandBus` over one connection, made anew in the background when it breaks; meanwhile every call fails."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = _with_heartbeat(broker_url)
        self._exchange: AbstractExchange | None = None
        self._reply_to = ""
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._exchange is not None

    def start(self) -> None:
        """Within a running event loop."""
        self._task = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def send(self, service: str, command: Command, context: Context) -> Done:
        """Raises `ServiceFailed` for an error of the service's own."""
        if self._exchange is None:
            raise ServiceUnavailable(service=service)
        deadline = context.deadline or clock.now() + PATIENCE
        method = f"{service}.{wire_name(type(command))}"
        call = str(uuid4())
        reply = self._waiting[call] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout((deadline - clock.now()).total_seconds()):
                message = self._message(command, replace(context, deadline=deadline), call)
                await self._exchange.publish(message, method, mandatory=True)
                answer = await reply
        except LOST as error:
            raise ServiceUnavailable(service=service) from error
        finally:
            self._waiting.pop(call, None)
        if answer["error"] is not None:
            raise ServiceFailed(f"{method}: {answer['error'].get('exc_type')}")
        return from_answer(answer["result"])

    def _message(self, command: Command, context: Context, call: str) -> aio_pika.Message:
        """It expires when the asker stops waiting, so nothing is carried out for somebody who has gone."""
        return aio_pika.Message(
            orjson.dumps({"args": [], "kwargs": {"payload": command.model_dump(mode="json")}}),
            content_type="application/json",
            content_encoding="utf-8",
            reply_to=self._reply_to,
            correlation_id=call,
            expiration=context.deadline,
            headers={f"{HEADER_PREFIX}{name}": value for name, value in to_headers(context).items()},
        )

    async def _keep_connected(self) -> None:
        """Each attempt is a task of its own: one that hangs is left behind, and the library cancels who waits for a
        connection that breaks."""
        while True:
            attempt = asyncio.create_task(self._connect())
            try:
                await asyncio.wait({attempt}, timeout=CONNECT_SECONDS)
                if self.connected:
                    await asyncio.wait({attempt})
            finally:
                attempt.cancel()
                self._disconnect()
            logger.warning("the broker does not answer", extra={"reason": _reason(attempt)})
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self) -> None:
        """Until the channel closes: with the connection, or because of an error on it."""
        async with await aio_pika.connect(self._broker_url) as connection:
            await (await self._listen(connection)).closed()

    async def _listen(self, connection: AbstractConnection) -> AbstractChannel:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        self._reply_to = str(uuid4())
        replies = await channel.declare_queue(f"rpc.reply-gateway-{self._reply_to}", exclusive=True)
        await replies.bind(exchange, self._reply_to)
        await replies.consume(self._replied, no_ack=True)
        self._exchange = exchange
        CONNECTED.set(1)
        return channel

    async def _replied(self, message: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(message.correlation_id or "")
        if waiting and not waiting.done():
            waiting.set_result(orjson.loads(message.body))

    def _disconnect(self) -> None:
        self._exchange = None
        CONNECTED.set(0)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the broker's connection broke"))


def _reason(attempt: asyncio.Task[None]) -> str:
    if not attempt.done():
        return "no answer"
    return "cancelled" if attempt.cancelled() else repr(attempt.exception())


def _with_heartbeat(broker_url: str) -> str:
    at = urlsplit(broker_url)
    return at._replace(query=at.query or f"heartbeat={HEARTBEAT_SECONDS}").geturl()

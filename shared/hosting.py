"""A service in a process of its own: its commands as nameko RPC, its hearing from its own queue, its deadlines."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import amqp
import eventlet
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.runners import ServiceRunner
from pydantic import ValidationError
from sqlalchemy import text

from shared import broker, clock, telemetry
from shared.database import reading
from shared.deadlines import send_due
from shared.messages import Command
from shared.parts import Parts
from shared.refusals import Invalid, Refusal, Unavailable
from shared.runtime import Runtime
from shared.service import Done, Service
from shared.subscription import Subscription
from shared.wire import from_headers, to_answer

logger = logging.getLogger(__name__)

WORKERS = 16
PREFETCH = 500
IDLE_SECONDS = 1.0
GATHER_SECONDS = 0.002
RETRY_SECONDS = 1.0
GRACE_SECONDS = 10.0


class PayloadInvalid(Invalid):
    """The command is not well formed."""


class TooLate(Unavailable):
    """The asker has stopped waiting."""


def host(parts: Parts, service: Service) -> None:
    """Until SIGTERM or SIGINT, and at the most so many seconds after it."""
    runtime = parts.runtime(service)
    stop = threading.Event()
    hearing = Hearing(runtime, str(parts.settings.broker_url))
    telemetry.serve(parts.settings.metrics_host, parts.settings.metrics_port, lambda: _ready(runtime, hearing))
    threads = [
        threading.Thread(target=hearing.run, args=(stop,), name="hearing", daemon=True),
        threading.Thread(target=_keep_deadlines, args=(runtime, stop), name="deadlines", daemon=True),
    ]
    runner = ServiceRunner({"AMQP_URI": parts.settings.broker_url, "max_workers": WORKERS})
    runner.add_service(_nameko_service(service, runtime))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_end, runner, stop))
    for thread in threads:
        thread.start()
    runner.start()
    runner.wait()


class Hearing:
    """Feeds a service's `Subscription` from its queue, and from the log when the queue has nothing."""

    def __init__(self, runtime: Runtime, broker_url: str) -> None:
        self._runtime = runtime
        self._broker_url = broker_url
        self._subscription = Subscription(runtime)
        self.connected = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with broker.connected(self._broker_url) as connection:
                    self._hear(connection, stop)
            except (OSError, amqp.AMQPError, Unavailable) as error:
                logger.warning("hearing starts again", extra={"reason": repr(error)})
            finally:
                self.connected = False
            stop.wait(RETRY_SECONDS)

    def _hear(self, connection: amqp.Connection, stop: threading.Event) -> None:
        channel = connection.channel()
        broker.declare_exchange(channel)
        queue = broker.declare_queue(channel, self._runtime.service.name)
        channel.basic_qos(0, PREFETCH, False)
        arrived: list[amqp.Message] = []
        channel.basic_consume(queue, callback=arrived.append)
        self._subscription.catch_up()
        self.connected = True
        while not stop.is_set():
            if not _drained(connection, IDLE_SECONDS):
                connection.heartbeat_tick()
                self._subscription.catch_up()
                continue
            while len(arrived) < PREFETCH and _drained(connection, GATHER_SECONDS):
                pass
            if arrived:
                events = {event.position: event for event in map(_event, arrived)}
                self._subscription.receive([events[position] for position in sorted(events)])
                channel.basic_ack(arrived[-1].delivery_tag, multiple=True)
                arrived.clear()


def _event(message: amqp.Message) -> Any:
    body = message.body
    return broker.from_envelope(body.encode() if isinstance(body, str) else body)


def _drained(connection: amqp.Connection, seconds: float) -> bool:
    """Whether anything came within so many seconds."""
    try:
        connection.drain_events(timeout=seconds)
    except TimeoutError:
        return False
    return True


def _keep_deadlines(runtime: Runtime, stop: threading.Event) -> None:
    while not stop.wait(IDLE_SECONDS):
        try:
            send_due(runtime)
        except Unavailable:
            logger.warning("deadlines must wait: a dependency does not answer")


class Headers(DependencyProvider):  # type: ignore[misc]  # nameko carries no types
    """What came with the call, without nameko's prefix."""

    def get_dependency(self, worker_ctx: Any) -> dict[str, Any]:
        headers: dict[str, Any] = worker_ctx.data
        return headers


def _nameko_service(service: Service, runtime: Runtime) -> type:
    body: dict[str, Any] = {"name": service.name, "headers": Headers()}
    for method, kind in service.commands.items():
        body[method] = rpc(_entry(method, kind, runtime))
    return type(f"{service.name.title()}Service", (), body)


def _entry(method: str, kind: type[Command], runtime: Runtime) -> Callable[..., dict[str, Any]]:
    def entry(self: Any, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            return to_answer(_carry_out(kind, payload, self.headers, runtime))
        except Refusal as refusal:
            return to_answer(refusal)
        except Exception:
            correlation_id = self.headers.get("correlation_id")
            logger.exception("a command failed", extra={"command": method, "correlation_id": correlation_id})
            raise RuntimeError("internal error") from None

    entry.__name__ = method
    return entry


def _carry_out(kind: type[Command], payload: dict[str, Any], headers: dict[str, Any], runtime: Runtime) -> Done:
    try:
        context = from_headers(headers)
        command = kind.model_validate(payload)
    except ValidationError as error:
        wrong = [{"at": ".".join(map(str, one["loc"])), "reason": one["msg"]} for one in error.errors()]
        raise PayloadInvalid(errors=wrong) from None
    except (KeyError, ValueError) as error:
        raise PayloadInvalid(f"The call's context is not well formed: {error}") from None
    if context.deadline is not None and clock.now() > context.deadline:
        raise TooLate()
    return runtime.handle(command, context)


def _ready(runtime: Runtime, hearing: Hearing) -> bool:
    with reading(runtime.database) as connection:
        connection.execute(text("SELECT 1"))
    return hearing.connected


def _end(runner: ServiceRunner, stop: threading.Event, *_: object) -> None:
    """What nameko cannot end in time, because the broker is gone, ends with the process."""
    stop.set()
    eventlet.spawn_after(GRACE_SECONDS, os._exit, 0)
    eventlet.spawn_n(runner.stop)

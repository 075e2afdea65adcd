"""A service in a process of its own: its commands as nameko RPC, its hearing from its own queue, its deadlines."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import amqp
import eventlet
from kombu.exceptions import OperationalError
from nameko.extensions import DependencyProvider
from nameko.messaging import QueueConsumer
from nameko.rpc import Rpc, RpcConsumer
from nameko.runners import ServiceRunner
from prometheus_client import Histogram
from pydantic import ValidationError
from sqlalchemy import text

from shared import clock, deadlines, telemetry
from shared.database import reading
from shared.hearing import Hearing
from shared.looping import keep_going
from shared.messages import Command
from shared.parts import Parts
from shared.refusals import Invalid, Refusal, Unavailable
from shared.runtime import Runtime
from shared.service import Done, Service
from shared.wire import FAILED, Answer, from_headers, to_answer

logger = logging.getLogger(__name__)

WORKERS = 16
HEARTBEAT_SECONDS = 10
GRACE_SECONDS = 8.0
RECONNECT = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2}

COMMANDS = Histogram("mentoring_command_seconds", "Time to carry out a command", ["command", "outcome"])


class PayloadInvalid(Invalid):
    """The command is not well formed, or what came with it."""


class TooLate(Unavailable):
    """The asker has stopped waiting."""


def host(parts: Parts, service: Service) -> None:
    """Until SIGTERM or SIGINT, and at the most so many seconds after it. The broker need not be there yet."""
    runtime = parts.runtime(service)
    stop = threading.Event()
    hearing = Hearing(runtime, str(parts.settings.broker_url))
    telemetry.serve(parts.settings.metrics_host, parts.settings.metrics_port, lambda: _ready(runtime, hearing))
    runner = ServiceRunner(
        {"AMQP_URI": parts.settings.broker_url, "max_workers": WORKERS, "HEARTBEAT": HEARTBEAT_SECONDS}
    )
    runner.add_service(_nameko_service(service, runtime))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_n(_end, runner, stop))
    runner.start()
    timer = partial(deadlines.keep, runtime, stop)
    threads = [
        threading.Thread(target=hearing.run, args=(stop,), name="hearing", daemon=True),
        threading.Thread(target=keep_going, args=("deadlines", timer, stop), name="deadlines", daemon=True),
    ]
    for thread in threads:
        thread.start()
    runner.wait()


def _end(runner: ServiceRunner, stop: threading.Event) -> None:
    """What nameko cannot end in time, because the broker is gone, ends with the process."""
    eventlet.spawn_after(GRACE_SECONDS, os._exit, 0)
    stop.set()
    runner.stop()


def _ready(runtime: Runtime, hearing: Hearing) -> bool:
    with reading(runtime.database) as connection:
        connection.execute(text("SELECT 1"))
    return hearing.connected


class Consuming(QueueConsumer):  # type: ignore[misc]  # nameko carries no types
    """Looks for a broker that went away every second or two, not ever more seldom."""

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error, interval_start=0.5, interval_step=0.5, interval_max=2
            )
            yield connection


class Calls(RpcConsumer):  # type: ignore[misc]  # nameko carries no types
    """An answer that cannot be sent does not end the service, as nameko would have it."""

    queue_consumer = Consuming()

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> Any:
        try:
            return super().handle_result(message, result, exc_info)
        except (OSError, amqp.AMQPError, OperationalError) as error:
            logger.warning("an answer was not sent", extra={"reason": repr(error)})  # the call will be delivered again
        except KeyError:
            logger.warning("a call did not say where to send its answer")
            self.queue_consumer.ack_message(message)
        return result, exc_info


class Entry(Rpc):  # type: ignore[misc]  # nameko carries no types
    """A command's way in."""

    rpc_consumer = Calls()


class Headers(DependencyProvider):  # type: ignore[misc]  # nameko carries no types
    """What came with the call, without nameko's prefix."""

    def get_dependency(self, worker_ctx: Any) -> dict[str, Any]:
        headers: dict[str, Any] = worker_ctx.data
        return headers


def _nameko_service(service: Service, runtime: Runtime) -> type:
    body: dict[str, Any] = {"name": service.name, "headers": Headers()}
    for method, kind in service.commands.items():
        body[method] = Entry.decorator(_entry(method, kind, runtime))
    return type(f"{service.name.title()}Service", (), body)


def _entry(method: str, kind: type[Command], runtime: Runtime) -> Callable[..., Answer]:
    def entry(self: Any, payload: dict[str, Any]) -> Answer:
        began = time.monotonic()
        with telemetry.correlated(self.headers.get("correlation_id")):
            outcome, answer = _answer(kind, payload, self.headers, runtime)
        COMMANDS.labels(method, outcome).observe(time.monotonic() - began)
        return answer

    entry.__name__ = method
    return entry


def _answer(
    kind: type[Command], payload: dict[str, Any], headers: dict[str, Any], runtime: Runtime
) -> tuple[str, Answer]:
    """How it went in a word, and in full. What went wrong in here stays in here."""
    try:
        return "done", to_answer(_carry_out(kind, payload, headers, runtime))
    except Refusal as refusal:
        return refusal.kind, to_answer(refusal)
    except Exception:
        logger.exception("a command failed", extra={"command": kind.__name__})
        return "failed", FAILED


def _carry_out(kind: type[Command], payload: dict[str, Any], headers: dict[str, Any], runtime: Runtime) -> Done:
    try:
        context = from_headers(headers)
        command = kind.model_validate(payload)
    except ValidationError as error:
        wrong = [{"at": ".".join(map(str, one["loc"])), "reason": one["msg"]} for one in error.errors()]
        raise PayloadInvalid(errors=wrong) from None
    if context.deadline is not None and clock.now() > context.deadline:
        raise TooLate()
    return runtime.handle(command, context)

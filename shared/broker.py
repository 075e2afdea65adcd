"""RabbitMQ as the platform uses it: its exchange and queues, and an event as it looks on the wire."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import amqp
import orjson

from shared.log import Recorded
from shared.refusals import Unavailable
from shared.schemas import schema_id
from shared.topology import EXCHANGE, STREAM

__all__ = ["EXCHANGE", "STREAM"]

HEARTBEAT_SECONDS = 10
CONNECT_SECONDS = 5
ANSWER_SECONDS = 20
AHEAD = 64 * 1024
NO_ANSWER = (TimeoutError, amqp.InternalError)


@contextmanager
def connected(url: str) -> Iterator[amqp.Connection]:
    """A connection of one's own, for one thread. A broker that does not answer, now or later, is `Unavailable`."""
    try:
        with _connection(url) as connection:
            yield connection
    except (OSError, amqp.AMQPError) as error:
        raise Unavailable("The broker does not answer.") from error


@contextmanager
def _connection(url: str) -> Iterator[amqp.Connection]:
    """One that never waits forever, not even to be rid of what it sends."""
    at = urlsplit(url)
    connection = amqp.Connection(
        host=f"{at.hostname}:{at.port or 5672}",
        userid=unquote(at.username or "guest"),
        password=unquote(at.password or "guest"),
        virtual_host=unquote(at.path[1:]) or "/",
        heartbeat=HEARTBEAT_SECONDS,
        connect_timeout=CONNECT_SECONDS,
    )
    try:
        connection.connect()
        connection.transport._quick_recv = _ReadAhead(connection.transport._quick_recv)
        connection.transport.sock.settimeout(ANSWER_SECONDS)
        yield connection
    finally:
        connection.collect()


class _ReadAhead:
    """In place of py-amqp's nine system calls for each message."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._ahead = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        if self._at == len(self._ahead):
            self._ahead, self._at = self._receive(AHEAD), 0
        piece = self._ahead[self._at : self._at + count]
        self._at += len(piece)
        return piece


def declare_exchange(channel: amqp.Channel) -> None:
    """Repeating it is harmless."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)


def declare_stream(channel: amqp.Channel) -> None:
    """What keeps all that was ever published to the exchange. Repeating it is harmless."""
    channel.queue_declare(STREAM, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})
    channel.queue_bind(STREAM, EXCHANGE, "#")


@contextmanager
def patient(connection: amqp.Connection, seconds: float) -> Iterator[None]:
    """Within it every answer is awaited so long only; then TimeoutError is raised."""
    connection.transport.sock.settimeout(seconds)
    try:
        yield
    finally:
        connection.transport.sock.settimeout(ANSWER_SECONDS)


def drained(connection: amqp.Connection, seconds: float) -> bool:
    """Whether anything came within so many seconds; it has then been handed to its callback."""
    try:
        connection.drain_events(timeout=seconds)
    except TimeoutError:
        return False
    return True


def queue_of(service: str) -> str:
    return f"mentoring.{service}"


def declare_queue(channel: amqp.Channel, service: str, types: Iterable[str]) -> str:
    """The queue from which a service hears of these types, in order: only one of its copies at a time."""
    queue = queue_of(service)
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
    for kind in types:
        channel.queue_bind(queue, EXCHANGE, kind)
    channel.queue_unbind(queue, EXCHANGE, "#")  # as it was bound when services heard everything
    return queue


def publish(connection: amqp.Connection, channel: amqp.Channel, batch: Sequence[Recorded]) -> None:
    """To the exchange, in order and in one piece. A system call for each event, and a look for an answer after each, as
    py-amqp has it, would take longer than all the rest."""
    transport, pieces = connection.transport, list[bytes]()
    write, transport._write = transport._write, lambda piece: pieces.append(bytes(piece))
    try:
        for recorded in batch:
            where = (0, EXCHANGE, recorded.type, False, False)
            channel.send_method(amqp.spec.Basic.Publish, "Bssbb", where, message(recorded))
    finally:
        transport._write = write
    transport.write(b"".join(pieces))


def message(recorded: Recorded, headers: Mapping[str, Any] | None = None) -> amqp.Message:
    return amqp.Message(
        to_envelope(recorded),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=str(recorded.event_id),
        type=recorded.type,
        application_headers=dict(headers or {}),
    )


def recorded_in(delivered: amqp.Message) -> Recorded:
    body = delivered.body
    return from_envelope(body.encode() if isinstance(body, str) else body)


def to_envelope(recorded: Recorded) -> bytes:
    """The event as CloudEvents 1.0 in JSON; what the standard has no attribute for stands in extension attributes.

    The standard's integers end at 2³¹ - 1, so what counts stands in strings. An attribute without a value is left out.
    """
    envelope = {
        "specversion": "1.0",
        "id": recorded.event_id,
        "source": f"/{recorded.type.split('.', 1)[0]}",
        "type": recorded.type,
        "subject": recorded.subject,
        "time": recorded.occurred_at,
        "datacontenttype": "application/json",
        "dataschema": schema_id(recorded.type, recorded.schema_version),
        "sequence": str(recorded.version),
        "sequencetype": "Integer",
        "position": str(recorded.position),
        "stream": recorded.stream,
        "schemaversion": recorded.schema_version,
        "program": recorded.program,
        "actor": recorded.actor,
        "commandid": recorded.command_id,
        "correlationid": recorded.correlation_id,
        "causationid": recorded.causation_id,
        "recordedat": recorded.recorded_at,
        "hash": recorded.hash.hex(),
        "data": orjson.Fragment(recorded.data),
    }
    return orjson.dumps({name: value for name, value in envelope.items() if value is not None})


def from_envelope(body: bytes) -> Recorded:
    """The inverse of `to_envelope`, to the letter."""
    envelope: dict[str, Any] = orjson.loads(body)
    return Recorded(
        position=int(envelope["position"]),
        event_id=UUID(envelope["id"]),
        stream=envelope["stream"],
        version=int(envelope["sequence"]),
        type=envelope["type"],
        schema_version=envelope["schemaversion"],
        subject=_uuid(envelope.get("subject")),
        program=UUID(envelope["program"]),
        actor=envelope["actor"],
        command_id=UUID(envelope["commandid"]),
        correlation_id=UUID(envelope["correlationid"]),
        causation_id=_uuid(envelope.get("causationid")),
        occurred_at=datetime.fromisoformat(envelope["time"]),
        recorded_at=datetime.fromisoformat(envelope["recordedat"]),
        data=orjson.dumps(envelope["data"]).decode(),
        hash=bytes.fromhex(envelope["hash"]),
    )


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)

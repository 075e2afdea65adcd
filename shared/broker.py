"""RabbitMQ as the platform uses it: its exchange and queues, and an event as it looks on the wire."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from struct import Struct
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import amqp
import orjson
from amqp.serialization import dumps
from amqp.spec import Basic

from shared.ids import NIL
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

METHOD, HEADER, BODY = 1, 2, 3
FRAME, METHOD_ID, CONTENT = Struct(">BHI"), Struct(">HH"), Struct(">HHQ")
FRAME_END = b"\xce"


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
        connection.transport.read_frame = _Frames(connection.transport)
        connection.transport.sock.settimeout(ANSWER_SECONDS)
        yield connection
    finally:
        connection.collect()


class _Frames:
    """Reads frame by frame, of what it has received ahead: py-amqp makes nine system calls for each message."""

    def __init__(self, transport: Any) -> None:
        self._receive: Callable[[int], bytes] = transport.sock.recv
        self._ahead: bytes = transport._read_buffer
        self._at = 0

    @property
    def waiting(self) -> bool:
        """Whether a frame has been received, or begins to be."""
        return self._at < len(self._ahead)

    def __call__(self) -> tuple[int, int, bytes]:
        """Type, channel and payload. After a timeout it goes on where it was."""
        while True:
            begin = self._at + FRAME.size
            if len(self._ahead) >= begin:
                kind, channel, size = FRAME.unpack_from(self._ahead, self._at)
                if len(self._ahead) > (end := begin + size):
                    self._at = end + 1
                    if self._ahead[end : end + 1] != FRAME_END:
                        raise amqp.UnexpectedFrame("This is not how a frame ends.")
                    return kind, channel, self._ahead[begin:end]
            if not (more := self._receive(AHEAD)):
                raise ConnectionResetError("The broker has closed the connection.")
            self._ahead, self._at = self._ahead[self._at :] + more, 0


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
    frames = connection.transport.read_frame
    try:
        while not connection.blocking_read(None if frames.waiting else seconds):
            pass
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
    """To the exchange, in order and in one piece: to put each event together anew, write it, and look for an
    answer, as py-amqp does, would take longer than all the rest."""
    number, room, pieces = channel.channel_id, connection.frame_max - FRAME.size - 1, list[bytes]()
    for recorded in batch:
        method, before, after = _around(recorded.type)
        body = to_envelope(recorded)
        header = CONTENT.pack(Basic.CLASS_ID, 0, len(body)) + before + str(recorded.event_id).encode() + after
        pieces += (_frame(METHOD, number, method), _frame(HEADER, number, header))
        pieces += (_frame(BODY, number, body[start : start + room]) for start in range(0, len(body), room))
    connection.transport.write(b"".join(pieces))


def message(recorded: Recorded, headers: Mapping[str, Any] | None = None) -> amqp.Message:
    return _message(to_envelope(recorded), str(recorded.event_id), recorded.type, headers)


def _message(body: bytes, event_id: str, kind: str, headers: Mapping[str, Any] | None = None) -> amqp.Message:
    return amqp.Message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=event_id,
        type=kind,
        application_headers=dict(headers or {}),
    )


@lru_cache
def _around(kind: str) -> tuple[bytes, bytes, bytes]:
    """What is the same for every event of a type: how it is published; its properties before and after its id."""
    method = METHOD_ID.pack(*Basic.Publish) + dumps("Bssbb", (0, EXCHANGE, kind, False, False))
    properties: bytes = _message(b"", str(NIL), kind)._serialize_properties()
    before, after = properties.split(str(NIL).encode())
    return method, before, after


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"%b%b%b" % (FRAME.pack(kind, channel, len(payload)), payload, FRAME_END)


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
        subject=_known(envelope.get("subject")),
        program=_uuid(envelope["program"]),
        actor=envelope["actor"],
        command_id=UUID(envelope["commandid"]),
        correlation_id=_uuid(envelope["correlationid"]),
        causation_id=_known(envelope.get("causationid")),
        occurred_at=datetime.fromisoformat(envelope["time"]),
        recorded_at=datetime.fromisoformat(envelope["recordedat"]),
        data=orjson.dumps(envelope["data"]).decode(),
        hash=bytes.fromhex(envelope["hash"]),
    )


_uuid = lru_cache(maxsize=4096)(UUID)
"""Of what many events have in common."""


def _known(text: str | None) -> UUID | None:
    return None if text is None else _uuid(text)

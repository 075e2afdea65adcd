"""Frames to and from the broker, as py-amqp itself writes and reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import uuid4

import amqp
import pytest
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from amqp.spec import Basic
from hypothesis import given
from hypothesis import strategies as st

from bench.rooms import recorded
from shared import broker
from shared.log import Recorded

CHANNEL = 7


@dataclass
class Wire:
    """A connection and its transport, which keeps what it is given."""

    frame_max: int = 131_072
    written: list[bytes] = field(default_factory=list)
    channel_id: int = CHANNEL
    bytes_sent: int = 0

    @property
    def transport(self) -> "Wire":
        return self

    def write(self, piece: Any) -> None:
        self.written.append(bytes(piece))


def as_the_library_writes(batch: Sequence[Recorded], frame_max: int) -> bytes:
    wire = Wire(frame_max)
    write = frame_writer(wire, wire)
    for one in batch:
        where = dumps("Bssbb", (0, broker.EXCHANGE, one.type, False, False))
        write(broker.METHOD, CHANNEL, Basic.Publish, where, broker.message(one))
    return b"".join(wire.written)


@pytest.mark.parametrize("frame_max", [4096, 131_072])
def test_events_are_published_as_the_library_would_but_in_one_piece(frame_max: int) -> None:
    long = '{"text": "' + "long " * 3000 + '"}'
    batch = [recorded(1, uuid4()), recorded(2, uuid4())._replace(data=long), recorded(3, uuid4())._replace(type="a.b")]
    wire = Wire(frame_max)
    broker.publish(wire, wire, batch)
    assert len(wire.written) == 1
    assert wire.written[0] == as_the_library_writes(batch, frame_max)


@dataclass
class Arriving:
    """A transport and its socket, from which bytes come piece by piece; None is a timeout."""

    pieces: Iterator[bytes | None]
    _read_buffer: bytes = b""

    @property
    def sock(self) -> "Arriving":
        return self

    def recv(self, most: int) -> bytes:
        piece = next(self.pieces, b"")
        if piece is None:
            raise TimeoutError
        return piece


@given(data=st.data())
def test_frames_are_read_whole_wherever_they_are_cut_and_however_long_they_take(data: st.DataObject) -> None:
    sent = [(data.draw(st.integers(1, 8)), data.draw(st.integers(0, 9)), data.draw(st.binary())) for _ in range(5)]
    whole = b"".join(broker._frame(*frame) for frame in sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)) | {0, len(whole)})
    pieces: list[bytes | None] = []
    for start, end in pairwise(cuts):
        pieces += [None] * data.draw(st.integers(0, 2)) + [whole[start:end]]
    already = pieces.pop(0) if pieces[0] is not None and data.draw(st.booleans()) else b""
    frames = broker._Frames(Arriving(iter(pieces), already or b""))
    read: list[tuple[int, int, bytes]] = []
    while len(read) < len(sent):
        try:
            read.append(frames())
        except TimeoutError:
            continue
    assert read == sent
    assert not frames.waiting
    with pytest.raises(ConnectionResetError):
        frames()


def test_a_frame_that_does_not_end_is_an_error() -> None:
    with pytest.raises(amqp.UnexpectedFrame):
        broker._Frames(Arriving(iter([broker._frame(1, 0, b"good")[:-1] + b"?"])))()

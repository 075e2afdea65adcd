"""Many files as one zip, made while it is sent: what is in memory at a time is one piece of one of them."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from pydantic import BaseModel

Content = Iterable[bytes]


class _Outgoing(RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def zipped(files: Iterable[tuple[str, Content]]) -> Iterator[bytes]:
    """`files`: path → content."""
    outgoing = _Outgoing()
    with ZipFile(outgoing, "w", ZIP_DEFLATED) as archive:
        for path, content in files:
            with archive.open(path, "w", force_zip64=True) as file:
                for piece in content:
                    file.write(piece)
                    yield outgoing.taken()
    yield outgoing.taken()


def as_json(one: BaseModel) -> Content:
    return [orjson.dumps(one.model_dump(mode="json"), option=orjson.OPT_INDENT_2), b"\n"]


def as_json_lines(many: Iterable[BaseModel]) -> Content:
    """One JSON object a line."""
    return (one.model_dump_json().encode() + b"\n" for one in many)

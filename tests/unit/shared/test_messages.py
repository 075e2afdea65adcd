import ast
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import pytest

from shared import clock
from shared.ids import NIL
from shared.log import Recorded
from shared.messages import Catalogue, Event, Personal, Sealed, encode


class Said(Event, type="talk.said"):
    author_id: UUID
    words: Annotated[str, Personal("author_id")]
    topics: Annotated[tuple[str, ...], Personal("author_id")] = ()


class SaidOnce(Event, type="talk.said"):
    """The same fact as a consumer reads it."""

    author_id: UUID


class Moved(Event, type="talk.moved", schema_version=3):
    room: str
    floor: int
    upcasters: ClassVar = {1: lambda data: {**data, "room": data.pop("place")}, 2: lambda data: {**data, "floor": 0}}


class Plain:
    """Seals nothing, but marks it."""

    def seal(self, values: Mapping[str, tuple[UUID, Any]], event_id: UUID) -> dict[str, str]:
        return {field: f"sealed:1:{value!r}" for field, (_, value) in values.items()}

    def open(self, sealed: str) -> Any:
        return ast.literal_eval(sealed.removeprefix("sealed:1:"))

    def fetch(self, persons: Collection[UUID]) -> None:
        """There are no keys."""


def recorded(event_type: str, data: str, schema_version: int = 1) -> Recorded:
    at = clock.now()
    return Recorded(
        1, NIL, "talk-1", 1, event_type, schema_version, None, NIL, "ada", NIL, NIL, None, at, at, data, b""
    )


def test_personal_values_are_sealed_in_the_log_and_opened_with_the_key() -> None:
    said = Said(author_id=uuid4(), words="hello", topics=("work",))
    data = encode(said, NIL, Plain())
    assert '"words":"sealed:1:' in data
    closed = Catalogue(Said).decode(recorded("talk.said", data))
    assert isinstance(closed, Said)
    assert {type(closed.words), type(closed.topics)} == {Sealed}
    assert Catalogue(Said).decode(recorded("talk.said", data), Plain()) == Said(
        author_id=said.author_id, words="hello", topics=("work",)
    )


def test_a_consumer_reads_only_the_fields_it_declares() -> None:
    said = Said(author_id=uuid4(), words="hello")
    heard = Catalogue(SaidOnce).decode(recorded("talk.said", encode(said, NIL, Plain())))
    assert heard == SaidOnce(author_id=said.author_id)


def test_an_unknown_type_is_none() -> None:
    assert Catalogue(Said).decode(recorded("talk.sung", "{}")) is None


@pytest.mark.parametrize(
    ("version", "data"), [(1, '{"place":"hall"}'), (2, '{"room":"hall"}'), (3, '{"room":"hall","floor":0}')]
)
def test_every_version_ever_written_can_be_read(version: int, data: str) -> None:
    assert Catalogue(Moved).decode(recorded("talk.moved", data, version)) == Moved(room="hall", floor=0)


def test_what_became_personal_later_is_read_as_it_was_written() -> None:
    data = '{"author_id":"00000000-0000-0000-0000-000000000000","words":"hello"}'
    assert Catalogue(Said).decode(recorded("talk.said", data), Plain()) == Said(author_id=NIL, words="hello")

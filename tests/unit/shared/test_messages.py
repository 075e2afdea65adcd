import ast
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import pytest

from shared import clock
from shared.ids import NIL
from shared.log import Recorded
from shared.messages import Catalogue, Event, Personal, Sealed, VersionUnknown, encode


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


class Spoken(Event, type="talk.said", schema_version=2):
    """A later version, with another name for what was sealed."""

    author_id: UUID
    speech: Annotated[str, Personal("author_id")]
    topics: Annotated[tuple[str, ...], Personal("author_id")]
    upcasters: ClassVar = {1: lambda data: {**data, "speech": data["words"]}}


class Forgetful(Event, type="talk.forgot", schema_version=3):
    upcasters: ClassVar = {2: lambda data: data}


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


def test_what_changed_its_name_opens_under_the_name_that_it_was_sealed_under() -> None:
    said = Said(author_id=uuid4(), words="hello")
    data = encode(said, NIL, Plain())
    assert Catalogue(Spoken).decode(recorded("talk.said", data), Plain()) == Spoken(
        author_id=said.author_id, speech="hello", topics=()
    )


@pytest.mark.parametrize("sealer", [None, Plain()])
def test_a_version_newer_than_the_code_is_not_guessed_at(sealer: Plain | None) -> None:
    for kind, known in ((Moved, 3), (Said, 1)):
        told = f"{kind.type} version {known + 1}: {__name__} reads version {known}"
        with pytest.raises(VersionUnknown, match=re.escape(told)):
            Catalogue(kind).decode(recorded(kind.type, '{"room":"hall","floor":0}', known + 1), sealer)


def test_a_newer_version_of_what_nobody_here_reads_is_passed_over() -> None:
    assert Catalogue(Said).decode(recorded("talk.moved", "{}", 99)) is None


def test_a_version_from_before_the_first_upcaster_is_refused() -> None:
    with pytest.raises(VersionUnknown, match="version 1"):
        Catalogue(Forgetful).decode(recorded("talk.forgot", "{}", 1))


def test_what_became_personal_later_is_read_as_it_was_written() -> None:
    data = '{"author_id":"00000000-0000-0000-0000-000000000000","words":"hello"}'
    assert Catalogue(Said).decode(recorded("talk.said", data), Plain()) == Said(author_id=NIL, words="hello")

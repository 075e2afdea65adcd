import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.gateway.asked import Asked, CursorMalformed, cursor, from_cursor


class Note(Asked):
    text: str
    tags: tuple[str, ...] = ()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_cursor_carries_any_text_there_and_back(text: str) -> None:
    assert from_cursor(cursor(text)) == text


@pytest.mark.parametrize("opaque", ["%", "a", "é", "AA", cursor("a\0b"), "_w"])
def test_what_is_no_cursor_is_refused(opaque: str) -> None:
    with pytest.raises(CursorMalformed):
        from_cursor(opaque)


@pytest.mark.parametrize("body", [{"text": "a\0b"}, {"text": "\ud800"}, {"text": "a", "tags": ["\0"]}])
def test_text_that_no_database_can_keep_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="no NUL"):
        Note.model_validate(body)


def test_a_slip_of_the_pen_is_seen() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Note.model_validate({"text": "a", "txet": "b"})

"""What request bodies have in common."""

import re
from base64 import b64decode, urlsafe_b64encode
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from shared.refusals import Invalid

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class CursorMalformed(Invalid):
    """`after` is the `next` of the page before."""


class Asked(BaseModel):
    """Unknown fields are refused, so that a slip of the pen is seen; so is text that no database can keep."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        _require_storable(value)
        return value


def cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(opaque: str) -> str:
    """Raises `CursorMalformed`."""
    try:
        text = b64decode(opaque + "=" * (-len(opaque) % 4), b"-_", validate=True).decode()
    except ValueError:
        raise CursorMalformed() from None
    if not is_storable(text):
        raise CursorMalformed()
    return text


def is_storable(text: str) -> bool:
    """PostgreSQL knows no NUL, and UTF-8 no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def _require_storable(value: Any) -> None:
    match value:
        case str() if not is_storable(value):
            raise PydanticCustomError("text_unstorable", "text has no NUL and no lone surrogate")
        case dict():
            for one in value.values():
                _require_storable(one)
        case list():
            for one in value:
                _require_storable(one)

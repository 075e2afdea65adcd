"""How answers are made of rows: sealed values are opened for those who may read them, and are null for others."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from shared.messages import SEALED
from shared.vault import NotAtHand, Vault

Reveal = Callable[[Any], Any]
T = TypeVar("T")


def conceal(value: Any) -> Any:
    """For those who may know of something but not read it."""
    return None if isinstance(value, str) and value.startswith(SEALED) else value


async def opening(vault: Vault, make: Callable[[Reveal], T]) -> T:
    """What `make` makes: here when every key is at hand, else in a thread, which may wait for the key store."""
    try:
        return make(vault.reveal_at_hand)
    except NotAtHand:
        return await run_in_threadpool(make, vault.reveal)


def _opened(value: Any, info: ValidationInfo) -> Any:
    return (info.context or conceal)(value)


Text = Annotated[str | None, BeforeValidator(_opened)]
"""What a person wrote. Null when it was erased, or is not for the reader."""
Texts = Annotated[tuple[str, ...] | None, BeforeValidator(_opened)]


class Answer(BaseModel):
    """One that has a `version` is answered with it as its ETag."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def shown(cls, row: Any, reveal: Reveal = conceal) -> Self:
        return cls.model_validate(row, context=reveal)


class Accepted(Answer):
    """It is done, but the views do not show it yet: look at `location` when they have passed `position`."""

    position: int
    location: str


Item = TypeVar("Item", bound=BaseModel)


class Page(Answer, Generic[Item]):
    """`next`, where there is more, is the `after` of the page that follows."""

    items: list[Item]
    next: str | None = None


def respond(answer: BaseModel, status: int = 200, *, location: str | None = None) -> Response:
    response = Response(answer.model_dump_json(), status, media_type="application/json")
    version = getattr(answer, "version", None)
    if version is not None:
        response.headers["ETag"] = f'"{version}"'
    if location:
        response.headers["Location"] = location
    return response

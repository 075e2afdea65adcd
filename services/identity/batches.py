"""Doing one thing for many people."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from shared.refusals import Refusal
from shared.service import Done

AT_ONCE = 200

T = TypeVar("T")


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


def required(answers: Sequence[Done | Refusal]) -> list[Done]:
    """Raises the first refusal."""
    for answer in answers:
        if isinstance(answer, Refusal):
            raise answer
    return [answer for answer in answers if isinstance(answer, Done)]

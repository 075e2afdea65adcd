"""What travels with a command, and what must not."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.ids import new_id
from shared.refusals import Conflict, Refusal
from shared.service import Context, Done
from shared.wire import FAILED, ServiceFailed, from_answer, from_headers, to_answer, to_headers

MOMENTS = st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - its zone is added
CONTEXTS = st.builds(
    Context,
    command_id=st.uuids(),
    correlation_id=st.uuids(),
    program=st.uuids(),
    token=st.none() | st.text(min_size=1),
    causation_id=st.none() | st.uuids(),
    seen=st.integers(0),
    expected_version=st.none() | st.integers(0),
    deadline=st.none() | MOMENTS,
)


@given(CONTEXTS)
def test_a_context_arrives_as_it_was_sent(context: Context) -> None:
    assert from_headers(to_headers(context)) == context


def test_nobody_can_say_by_a_header_who_asks() -> None:
    sent = to_headers(Context(new_id(), new_id(), actor="system:init"))
    assert from_headers({**sent, "actor": "system:init"}).actor is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"command_id": "not an id"},
        {"correlation_id": 7},
        {"causation_id": 7},
        {"program": []},
        {"auth_token": 7},
        {"seen": "much"},
        {"expected_version": "first"},
        {"deadline": "tomorrow"},
        {"deadline": "2999-01-01T00:00:00"},
    ],
    ids=str,
)
def test_what_no_sender_of_ours_wrote_is_not_taken(wrong: dict[str, object]) -> None:
    sent = to_headers(Context(new_id(), new_id()))
    with pytest.raises(ValidationError) as invalid:
        from_headers({**sent, **wrong})
    assert [error["loc"] for error in invalid.value.errors()] == [tuple(wrong)]


def test_a_context_without_its_command_id_is_not_taken() -> None:
    with pytest.raises(ValidationError):
        from_headers({"correlation_id": str(new_id())})


def test_an_answer_arrives_as_it_was_given() -> None:
    done = Done(position=7, version=2, repeated=True, result={"token": "a"})
    assert from_answer(to_answer(done)) == done


def test_a_refusal_arrives_as_its_kind_with_its_code() -> None:
    class Late(Conflict):
        """It is too late."""

    with pytest.raises(Refusal) as refused:
        from_answer(to_answer(Late(by=3)))
    assert refused.value.to_wire() == {
        "kind": "conflict",
        "code": "late",
        "detail": "It is too late.",
        "facts": {"by": 3},
    }


def test_an_error_is_told_without_its_text() -> None:
    with pytest.raises(ServiceFailed):
        from_answer(FAILED)

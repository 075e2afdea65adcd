"""An event on the wire: CloudEvents 1.0 in JSON, and the log's own record to the letter."""

import re
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.broker import from_envelope, message, to_envelope
from shared.log import Recorded

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "README.md"
WHOLE = st.integers(-(2**53), 2**53)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - its zone is added
EVENTS = st.builds(
    Recorded,
    position=st.integers(1, 2**63 - 1),
    event_id=st.uuids(),
    stream=st.from_regex(r"[a-z_]+-[0-9a-f]{8}", fullmatch=True),
    version=st.integers(1, 2**31 - 1),
    type=st.from_regex(r"[a-z]+\.[a-z_]+", fullmatch=True),
    schema_version=st.integers(1, 100),
    subject=st.none() | st.uuids(),
    program=st.uuids(),
    actor=st.uuids().map(str) | st.just("anonymous") | st.just("system:open_conversation"),
    command_id=st.uuids(),
    correlation_id=st.uuids(),
    causation_id=st.none() | st.uuids(),
    occurred_at=MOMENTS,
    recorded_at=MOMENTS,
    data=st.dictionaries(st.text(), JSON, max_size=4).map(lambda data: orjson.dumps(data).decode()),
    hash=st.binary(min_size=32, max_size=32),
)


@given(EVENTS)
def test_an_event_comes_out_of_its_envelope_as_it_went_in(event: Recorded) -> None:
    assert from_envelope(to_envelope(event)) == event


@given(EVENTS)
def test_the_envelope_is_a_cloud_event(event: Recorded) -> None:
    """https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md: required attributes, names, types."""
    envelope = orjson.loads(to_envelope(event))
    assert envelope["specversion"] == "1.0"
    assert all(isinstance(envelope[name], str) and envelope[name] for name in ("id", "source", "type"))
    attributes = {name: value for name, value in envelope.items() if name != "data"}
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in attributes)
    assert all(isinstance(value, str | int) for value in attributes.values())
    assert all(-(2**31) <= value < 2**31 for value in attributes.values() if isinstance(value, int))
    assert envelope["data"] == orjson.loads(event.data)


@given(EVENTS)
def test_a_cloud_events_library_reads_it(event: Recorded) -> None:
    read = JSONFormat().read(CloudEvent, to_envelope(event))
    assert read.get_id() == str(event.event_id)
    assert (read.get_type(), read.get_source()) == (event.type, f"/{event.type.split('.')[0]}")
    assert read.get_subject() == (str(event.subject) if event.subject else None)
    assert read.get_time() == event.occurred_at
    assert read.get_extension("position") == str(event.position)
    assert read.get_data() == orjson.loads(event.data)


def test_a_cloud_events_library_refuses_what_is_not_one() -> None:
    """That it reads ours says something."""
    with pytest.raises(CloudEventValidationError):
        JSONFormat().read(CloudEvent, b'{"specversion": "1.0", "id": "1", "type": "matching.request_accepted"}')


@given(EVENTS)
def test_the_message_outlives_the_broker_and_says_what_it_is(event: Recorded) -> None:
    properties = message(event).properties
    assert properties["delivery_mode"] == 2
    assert properties["message_id"] == str(event.event_id)
    assert properties["type"] == event.type
    assert properties["content_type"] == "application/json"


def test_the_event_that_is_shown_to_subscribers_is_one_of_ours() -> None:
    [body] = re.findall(r"```json\n(.*?)```", EXAMPLES.read_text(), re.DOTALL)
    assert orjson.loads(to_envelope(from_envelope(body.encode()))) == orjson.loads(body)

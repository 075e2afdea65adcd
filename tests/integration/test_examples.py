"""The examples for subscribers, run as they stand, against the real broker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.ids import new_id
from shared.messages import Event
from tests.integration.stage import Stage, eventually
from tests.integration.toy.heard import Happened

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class RequestAccepted(Event, type="matching.request_accepted"):
    """A type that the documentation names."""


@contextmanager
def running(command: Sequence[str], output: Path) -> Iterator[Callable[[], list[str]]]:
    """Gives what it has printed so far."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=EXAMPLES, env={**os.environ, "PYTHONWARNINGS": "ignore"}, stdout=file, stderr=file
        )
    try:
        yield lambda: output.read_text().splitlines()
    finally:
        process.kill()
        process.wait()


def nameko(url: str) -> list[str]:
    return [str(Path(sys.executable).with_name("nameko")), "run", "subscriber_nameko", "--broker", url]


def pika(url: str) -> list[str]:
    return [sys.executable, "subscriber_pika.py", url]


@pytest.mark.parametrize(("command", "queue"), [(nameko, "evt-mentoring-#--subscriber.hear"), (pika, "example")])
def test_a_subscriber_prints_each_events_type_and_subject(
    stage: Stage, tmp_path: Path, command: Callable[[str], list[str]], queue: str
) -> None:
    relay = stage.relay()
    relay.start()
    relay.wait()
    with running(command(stage.broker_url), tmp_path / "printed") as printed:
        eventually(lambda: stage.consumers(queue) == 1)
        subject = new_id()
        stage.happen(Happened(counter_id=new_id()))
        stage.happen(RequestAccepted(), subject=subject)
        expected = ["elsewhere.happened None", f"matching.request_accepted {subject}"]
        eventually(lambda: [line for line in printed() if line in expected] == expected)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("subscriber_*.py")), ids=lambda path: path.name)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 25

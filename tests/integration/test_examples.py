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
def running(command: Sequence[str], broker_url: str, output: Path) -> Iterator[Callable[[], list[str]]]:
    """Gives what it has printed so far."""
    environment = {**os.environ, "MENTORING_BROKER_URL": broker_url, "PYTHONWARNINGS": "ignore"}
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=EXAMPLES, env=environment, stdout=file, stderr=file)
    try:
        yield lambda: output.read_text().splitlines()
    finally:
        process.kill()
        process.wait()


def nameko(url: str) -> list[str]:
    return [str(Path(sys.executable).with_name("nameko")), "run", "subscriber_nameko", "--broker", url]


def pika(_url: str) -> list[str]:
    return [sys.executable, "subscriber_pika.py"]


@pytest.mark.parametrize(
    ("command", "queue", "numbered"),
    [(nameko, "evt-mentoring-#--subscriber.hear", False), (pika, "example", True)],
    ids=["nameko", "pika"],
)
def test_a_subscriber_prints_each_events_type_and_subject(
    stage: Stage, tmp_path: Path, command: Callable[[str], list[str]], queue: str, numbered: bool
) -> None:
    relay = stage.relay()
    relay.start()
    relay.wait()
    with running(command(stage.broker_url), stage.broker_url, tmp_path / "printed") as printed:
        eventually(lambda: stage.consumers(queue) == 1)
        subject = new_id()
        stage.happen(Happened(counter_id=new_id()))
        stage.happen(RequestAccepted(), subject=subject)
        expected = ["elsewhere.happened None", f"matching.request_accepted {subject}"]
        if numbered:
            expected = [f"{position} {line}" for position, line in enumerate(expected, start=1)]
        eventually(lambda: [line for line in printed() if line in expected] == expected)


def test_a_plain_subscriber_can_choose_the_types_that_it_hears(stage: Stage, tmp_path: Path) -> None:
    relay = stage.relay()
    relay.start()
    relay.wait()
    command = [*pika(stage.broker_url), "matching.*", "goals.goal_set"]
    with running(command, stage.broker_url, tmp_path / "printed") as printed:
        eventually(lambda: stage.consumers("example") == 1)
        stage.happen(RequestAccepted(), Happened(counter_id=new_id()), RequestAccepted())
        expected = ["1 matching.request_accepted None", "3 matching.request_accepted None"]
        eventually(lambda: len(printed()) == len(expected))
        assert printed() == expected


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("subscriber_*.py")), ids=lambda path: path.name)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 25

"""The examples for subscribers, run as they stand, against the real broker."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from deploy.fleet import Process
from deploy.servers import Servers
from shared.ids import new_id
from shared.messages import Event
from tests.integration.stage import Stage, eventually
from tests.integration.toy.heard import Happened
from tests.outside import admitted

QUEUE = "sub.example"
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


def nameko(module: str, url: str) -> list[str]:
    return [str(Path(sys.executable).with_name("nameko")), "run", module, "--broker", url]


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, script, *arguments]


@pytest.fixture
def telling(stage: Stage) -> Process:
    relay = stage.relay()
    relay.start()
    relay.wait()
    return relay


@pytest.fixture
def admit(stage: Stage, servers: Servers) -> Callable[..., str]:
    """The URL of a subscriber whose queue is `sub.example`, bound to the types that are named."""
    return partial(admitted, servers, stage.broker_url, "example")


def assert_hears(stage: Stage, queue: str, printed: Callable[[], list[str]], *, numbered: bool = True) -> None:
    """Two events, one without a subject."""
    eventually(lambda: stage.consumers(queue) == 1)
    subject = new_id()
    stage.happen(Happened(counter_id=new_id()))
    stage.happen(RequestAccepted(), subject=subject)
    expected = ["elsewhere.happened None", f"matching.request_accepted {subject}"]
    if numbered:
        expected = [f"{position} {line}" for position, line in enumerate(expected, start=1)]
    eventually(lambda: [line for line in printed() if line in expected] == expected)


def test_a_stock_nameko_service_hears_everything(stage: Stage, telling: Process, tmp_path: Path) -> None:
    command = nameko("subscriber_nameko", stage.broker_url)
    with running(command, stage.broker_url, tmp_path / "printed") as printed:
        assert_hears(stage, "evt-mentoring-#--subscriber.hear", printed, numbered=False)


def test_a_stock_nameko_service_hears_what_its_queue_is_bound_to(
    stage: Stage, telling: Process, admit: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = admit("#")
    monkeypatch.setenv("MENTORING_QUEUE", QUEUE)
    with running(nameko("subscriber_nameko_queue", url), url, tmp_path / "printed") as printed:
        assert_hears(stage, QUEUE, printed, numbered=False)


@pytest.mark.parametrize("script", ["subscriber_pika.py", "subscriber_aio_pika.py"])
def test_a_plain_subscriber_hears_everything(
    stage: Stage, telling: Process, admit: Callable[..., str], tmp_path: Path, script: str
) -> None:
    url = admit()
    with running(python(script), url, tmp_path / "printed") as printed:
        assert_hears(stage, QUEUE, printed)


@pytest.mark.parametrize("script", ["subscriber_pika.py", "subscriber_aio_pika.py"])
def test_a_plain_subscriber_can_choose_the_types_that_it_hears(
    stage: Stage, telling: Process, admit: Callable[..., str], tmp_path: Path, script: str
) -> None:
    url = admit()
    with running(python(script, "matching.*", "goals.goal_set"), url, tmp_path / "printed") as printed:
        eventually(lambda: stage.consumers(QUEUE) == 1)
        stage.happen(RequestAccepted(), Happened(counter_id=new_id()), RequestAccepted())
        expected = ["1 matching.request_accepted None", "3 matching.request_accepted None"]
        eventually(lambda: len(printed()) == len(expected))
        assert printed() == expected


def test_what_was_told_is_read_again_after_any_position_though_some_of_it_was_told_twice(
    stage: Stage, telling: Process, admit: Callable[..., str], tmp_path: Path
) -> None:
    stage.happen(*(Happened(counter_id=new_id()) for _ in range(50)))
    eventually(lambda: stage.told() == 50)
    telling.stop()
    stage.tell_again_after(20)
    telling.start()
    stage.happen(*(Happened(counter_id=new_id()) for _ in range(10)))
    eventually(lambda: stage.told() == 60)
    for after in (0, 15, 55):
        with running(python("subscriber_stream.py", str(after)), admit(), tmp_path / f"after-{after}") as printed:
            eventually(lambda printed=printed: printed()[-1:] == ["60 elsewhere.happened None"])  # type: ignore[misc]
            assert printed() == [f"{position} elsewhere.happened None" for position in range(after + 1, 61)]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("subscriber_*.py")), ids=lambda path: path.name)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 30

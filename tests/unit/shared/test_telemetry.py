"""What a process says of itself."""

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from deploy.fleet import free_ports
from shared import telemetry
from shared.ids import new_id
from shared.refusals import Unavailable


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.usefixtures("_logging_as_before")
def test_a_line_is_json_and_carries_the_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure("INFO", "identity")
    correlation_id = new_id()
    with telemetry.correlated(correlation_id):
        logging.getLogger("inside").info("heard", extra={"position": 7})
    logging.getLogger("outside").info("alone")
    inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
    assert inside.items() >= {"message": "heard", "level": "INFO", "process": "identity", "position": 7}.items()
    assert inside["correlation_id"] == str(correlation_id)
    assert "correlation_id" not in outside


def test_probes_and_numbers() -> None:
    ready: list[bool | Exception] = [True]

    def check() -> bool:
        if isinstance(ready[0], Exception):
            raise ready[0]
        return ready[0]

    port = free_ports(1)
    telemetry.serve("127.0.0.1", port, check)
    assert status(port, "/livez") == 200
    assert status(port, "/readyz") == 200
    assert status(port, "/metrics") == 200
    assert status(port, "/nothing") == 404
    for unready in (False, Unavailable()):
        ready[0] = unready
        assert status(port, "/readyz") == 503
        assert status(port, "/livez") == 200


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code

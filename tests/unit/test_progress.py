from io import StringIO

import pytest

from services.progress import ProgressBar


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its last number is the time."""
    times = [100.0]
    monkeypatch.setattr("services.progress.time.monotonic", lambda: times[-1])
    return times


def test_a_terminal_shows_a_bar_with_rate_and_time_left(clock: list[float]) -> None:
    terminal = Terminal()
    bar = ProgressBar("events", terminal)
    clock.append(110.0)
    bar(10_000, 40_000)
    assert terminal.getvalue().endswith(f"[{'#' * 7}{' ' * 23}] 10,000 of 40,000 events, 1,000/s, 0:30 left")
    bar.end()
    assert terminal.getvalue().endswith("\r\033[K")


def test_elsewhere_there_is_a_line_now_and_then(clock: list[float]) -> None:
    file = StringIO()
    bar = ProgressBar("events", file)
    for seconds in range(25):
        clock.append(100.0 + seconds)
        bar(seconds * 100, 9_000)
    bar.end()
    assert file.getvalue().splitlines() == [
        "1,000 of 9,000 events, 100/s, 1:20 left",
        "2,000 of 9,000 events, 100/s, 1:10 left",
    ]

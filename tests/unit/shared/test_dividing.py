import os
import signal
from collections.abc import Callable

import pytest

from shared.dividing import ShareFailed, divided

Watch = Callable[[int], None]


def test_a_process_that_dies_ends_the_others() -> None:
    def dies(number: int, watch: Watch) -> None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    with pytest.raises(ShareFailed, match="before its time"):
        divided(dies, 3, lambda done: None)


def test_what_is_done_is_told_of_all_shares_together() -> None:
    seen: list[int] = []
    divided(lambda number, watch: watch(10 * (number + 1)), 3, seen.append)
    assert seen[-1] == 60

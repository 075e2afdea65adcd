"""Work that goes on until told to stop, whatever is down meanwhile."""

import gc
import logging
import os
import threading
import time
from collections.abc import Callable

from shared.refusals import Unavailable

logger = logging.getLogger(__name__)

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
YOUNG = 10_000


def keep_going(name: str, work: Callable[[], None], stop: threading.Event) -> None:
    """`work` returns when stopped. Whenever it raises it is begun again, after a pause that grows while it keeps
    failing: a dependency that is down is waited for, and an error of our own is told again and again."""
    pause = SHORTEST_PAUSE
    while not stop.is_set():
        began = time.monotonic()
        try:
            work()
        except Unavailable as unavailable:
            logger.warning(
                "interrupted", extra={"loop": name, "detail": unavailable.detail, "reason": repr(unavailable.__cause__)}
            )
        except Exception:
            logger.exception("failed", extra={"loop": name})
        if time.monotonic() - began > LONGEST_PAUSE:
            pause = SHORTEST_PAUSE
        stop.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def collect_seldom() -> None:
    """What is there by now stays, and little that comes later holds cycles: to look for some as often as Python does
    by itself took a sixteenth of each read."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def end_anyway(seconds: float) -> None:
    """Whatever hangs so many seconds from now, because a server is gone, ends with the process: any of ours may be
    killed at any moment."""
    last = threading.Timer(seconds, os._exit, (0,))
    last.daemon = True
    last.start()

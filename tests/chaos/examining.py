"""Waits until the platform is at rest, and gathers what the oracle judges by."""

import time

from tests.chaos.asking import Notebook
from tests.chaos.load import Programme
from tests.chaos.oracle import Evidence
from tests.chaos.place import Look, Place
from tests.chaos.witness import Witness, replayed

REST_SECONDS = 60.0
STILL_SECONDS = 0.5


def examine(place: Place, notebook: Notebook, programme: Programme, since: int) -> Evidence:
    with place.look() as look:
        behind = _at_rest(look, place.witness)
        head = look.head()
        return Evidence(
            log=look.log(),
            head=head,
            asked=tuple(notebook.asked),
            heard={
                "a queue outside": tuple(place.witness.heard),
                "the stream": replayed(place.broker_url, head.position),
            },
            claims=look.claims(),
            capacities=programme.capacities,
            since=since,
            behind=behind,
            differing=look.differing(head.position),
        )


def _at_rest(look: Look, witness: Witness) -> list[str]:
    """What has not come to rest at the head when patience ends: nothing, or the platform has lost its way."""
    until = time.monotonic() + REST_SECONDS
    still = 0.0
    head = look.head()
    while True:
        before, head = head, look.head()
        behind = look.behind(head.position)
        if witness.position < head.position:
            behind.append(f"the queue outside: {witness.position} of {head.position}")
        if behind or before != head:
            still = time.monotonic()
        if time.monotonic() > until or (not behind and time.monotonic() - still > STILL_SECONDS):
            return behind
        time.sleep(0.05)

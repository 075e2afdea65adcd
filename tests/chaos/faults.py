"""What can go wrong. A round breaks it, waits a moment, makes it whole again, and says what it did."""

import random
import time
from collections.abc import Callable
from functools import partial

from deploy.servers import Server
from tests.chaos.place import Place

Fault = Callable[[Place, random.Random], str]

SEVERAL = (1, 1, 1, 2, 3)
SHORT_SECONDS = 1.5
AT_ONCE = 0.3
"""How often the next round does not wait until all is well again."""


def kill_processes(place: Place, chance: random.Random) -> str:
    """Now and then somebody is killed again while they are still starting."""
    victims = chance.sample(sorted(place.fleet.processes), chance.choice(SEVERAL))
    for name in victims:
        place.fleet.processes[name].kill()
    seconds = _a_moment(chance)
    for name in victims:
        place.fleet.processes[name].start()
    if chance.random() > AT_ONCE:
        place.await_all()
    return f"{', '.join(victims)} killed, started again after {seconds:.1f} s"


def _kill_server(name: str, place: Place, chance: random.Random) -> str:
    server = _server(place, name)
    server.kill()
    _a_moment(chance)
    began = time.monotonic()
    server.start()
    return f"{name} killed, ready again {time.monotonic() - began:.1f} s after its start"


def _server(place: Place, name: str) -> Server:
    return next(server for server in place.servers if server.name == name)


def _a_moment(chance: random.Random) -> float:
    seconds = chance.uniform(0, SHORT_SECONDS)
    time.sleep(seconds)
    return seconds


FAULTS: dict[str, Fault] = {
    "processes": kill_processes,
    "broker": partial(_kill_server, "rabbitmq"),
    "database": partial(_kill_server, "postgres"),
    "store": partial(_kill_server, "minio"),
}
"""By the name under which `make chaos` knows it."""

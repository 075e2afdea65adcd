"""What can go wrong. A round breaks it, waits a moment, makes it whole again, and says what it did."""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from deploy.fleet import PROCESSES
from deploy.servers import Server, ServerFailed
from tests.chaos.disk import MEGABYTE
from tests.chaos.place import Place

Fault = Callable[[Place, random.Random], str]

SEVERAL = (1, 1, 1, 2, 3)
SHORT_SECONDS = 1.5
AT_ONCE = 0.3
"""How often the next round does not wait until all is well again."""
CONNECTIONS = [
    *(f"{process}-postgres" for process in PROCESSES),
    *(f"{process}-rabbitmq" for process in PROCESSES if process != "views"),
    "files-minio",
]
TOXICS = {
    "latency": {"latency": 300, "jitter": 200},  # milliseconds
    "reset_peer": {"timeout": 0},
    "timeout": {"timeout": 0},  # nothing gets through, and nobody is told
}


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


def _spoil_connections(kind: str, longest: float, place: Place, chance: random.Random) -> str:
    """Some processes' connections to some servers."""
    spoilt = chance.sample(CONNECTIONS, chance.randint(1, 4))
    for name in spoilt:
        place.between.spoil(name, kind, **TOXICS[kind])
    seconds = _a_moment(chance, longest)
    place.between.heal()
    return f"{', '.join(spoilt)} for {seconds:.1f} s"


def _fill_disk(name: str, left: Sequence[int], place: Place, chance: random.Random) -> str:
    """Until there is room again; the server may or may not have ended over it."""
    server, disk = _server(place, name), place.disks[name]
    free = chance.choice(left)
    disk.leave(free)
    seconds = _a_moment(chance, 6)
    disk.clear()
    ended = not server.running
    _start_patiently(server)
    told = f"{name} had {free // MEGABYTE} MB left for {seconds:.1f} s"
    return f"{told}, and ended over it" if ended else told


def _start_patiently(server: Server) -> None:
    """It may still be about to give up when there is room again."""
    try:
        server.start()
    except ServerFailed:
        server.start()


def _server(place: Place, name: str) -> Server:
    return next(server for server in place.servers if server.name == name)


def _a_moment(chance: random.Random, longest: float = SHORT_SECONDS) -> float:
    seconds = chance.uniform(0, longest)
    time.sleep(seconds)
    return seconds


FAULTS: dict[str, Fault] = {
    "processes": kill_processes,
    "broker": partial(_kill_server, "rabbitmq"),
    "database": partial(_kill_server, "postgres"),
    "store": partial(_kill_server, "minio"),
    "latency": partial(_spoil_connections, "latency", 4),
    "resets": partial(_spoil_connections, "reset_peer", 1.5),
    "silence": partial(_spoil_connections, "timeout", 8),
    "log-disk": partial(_fill_disk, "postgres", [0]),
    "broker-disk": partial(_fill_disk, "rabbitmq", [0, 30 * MEGABYTE]),  # below 50 MB it blocks who publishes
}
"""By the name under which `make chaos` knows it."""

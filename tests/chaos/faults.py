"""What can go wrong. A round breaks it, waits a moment, makes it whole again, and says what it did."""

import os
import random
import re
import time
from collections.abc import Callable
from functools import partial
from unittest import mock

from deploy.fleet import PROCESSES
from deploy.servers import Server, ServerFailed
from deploy.servers.rabbitmq import RabbitMQ
from shared.topology import STREAM
from tests.chaos.clock import LIBRARY, FalseClock
from tests.chaos.disk import MEGABYTE
from tests.chaos.place import Place

FIND_STREAM = """
    Name = rabbit_misc:r(<<"/">>, queue, <<"mentoring.log">>),
    [Queue] = mnesia:dirty_read(rabbit_durable_queue, Name),
    {ok, Pid} = rabbit_stream_coordinator:local_pid(maps:get(name, amqqueue:get_type_state(Queue))),
    [mnesia:dirty_write(Table, amqqueue:set_pid(Queue, Pid)) || Table <- [rabbit_durable_queue, rabbit_queue]].
"""

Fault = Callable[[Place, random.Random], str]

SEVERAL = (1, 1, 1, 2, 3)
SHORT_SECONDS = 1.5
RECOVERY_SECONDS = 15.0
JUMPS_SECONDS = (-3600, -30, 30, 3600)
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


def _fill_log_disk(place: Place, chance: random.Random) -> str:
    disk = place.disks["postgres"]
    disk.leave(0)
    seconds = _a_moment(chance, 6)
    disk.clear()
    ended = not place.servers.postgres.running
    _start_patiently(place.servers.postgres)
    return f"the log's disk was full for {seconds:.1f} s{', and the database ended over it' if ended else ''}"


def _fill_broker_disk(place: Place, chance: random.Random) -> str:
    """Below 50 MB the broker blocks those who publish, and goes on by itself. Without any room left its quorum queues
    break down, and come back only when it is started again."""
    disk, broker = place.disks["rabbitmq"], place.servers.rabbitmq
    full = chance.random() < 0.5
    disk.leave(0 if full else 30 * MEGABYTE)
    seconds = _a_moment(chance, 6)
    disk.clear()
    if not full:
        return f"the broker's disk was nearly full for {seconds:.1f} s"
    broker.kill()
    broker.start()
    return (
        f"the broker's disk was full for {seconds:.1f} s, and the broker was started again{_stream_put_right(broker)}"
    )


def _stream_put_right(broker: RabbitMQ) -> str:
    """As docs/operating.md says, where the broker has not done it by itself in time."""
    runs = re.compile(rf"^{re.escape(STREAM)}\s+running", re.MULTILINE)
    until = time.monotonic() + RECOVERY_SECONDS
    while not runs.search(broker.control("list_queues", "name", "state")):
        if time.monotonic() > until:
            broker.control("eval", FIND_STREAM)
            return ", and its stream put right"
    return ""


def _set_clock_of_process(place: Place, chance: random.Random) -> str:
    victim = chance.choice(sorted(place.fleet.processes))
    process, clock = place.fleet.processes[victim], FalseClock(place.fleet.folder / "clock")
    process.kill()
    process.start(clock.environment)
    process.wait()
    jumps = _jump(clock, chance)
    process.kill()
    process.start()
    place.await_all()
    return f"{victim}'s clock was off by {jumps}"


def _set_clock_of_database(place: Place, chance: random.Random) -> str:
    clock = FalseClock(place.fleet.folder / "clock")
    place.servers.postgres.kill()
    with mock.patch.dict(os.environ, clock.environment):
        place.servers.postgres.start()
    jumps = _jump(clock, chance)
    place.servers.postgres.kill()
    place.servers.postgres.start()
    return f"the database's clock was off by {jumps}"


def _jump(clock: FalseClock, chance: random.Random) -> str:
    jumps = chance.sample(JUMPS_SECONDS, 2)
    for seconds in jumps:
        clock.jump(seconds)
        _a_moment(chance, 4)
    return " and then ".join(f"{seconds:+d} s" for seconds in jumps)


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
    "log-disk": _fill_log_disk,
    "broker-disk": _fill_broker_disk,
    "clocks": _set_clock_of_process,
    "database-clock": _set_clock_of_database,
}
"""By the name under which `make chaos` knows it."""


def reason_against(fault: str, place: Place) -> str | None:
    """Why it cannot be done on this machine."""
    if fault.endswith("disk") and not place.disks:
        return "only root can make small disks"
    if fault.endswith(("clock", "clocks")) and LIBRARY is None:
        return "libfaketime is not installed"
    return None

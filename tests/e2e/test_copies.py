"""Two copies of each service: one of them hears, both carry out commands, and either can be lost."""

import urllib.request
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import httpx
import pytest

from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Fleet, Process, free_ports
from deploy.servers import Servers
from services.assembly import SERVICES
from tests.e2e.test_faults import assert_whole, play


@pytest.fixture
def journey(fleet: Fleet) -> Iterator[Journey]:
    with Journey(fleet.url, COORDINATOR, fleet.password, print) as journey:
        yield journey


def metric(process: Process, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def eventually(holds: Callable[[], bool], seconds: float) -> None:
    until = monotonic() + seconds
    while not holds():
        assert monotonic() < until, "still not so"
        sleep(0.05)


def second_copies(fleet: Fleet) -> dict[str, Process]:
    ports = free_ports(len(SERVICES))
    copies = {}
    for port, name in enumerate(SERVICES, start=ports):
        environment = {**fleet.environment, "MENTORING_METRICS_PORT": str(port)}
        copies[name] = Process(f"{name}-2", ["start", name], environment, fleet.folder, port)
        copies[name].start()
    fleet.processes |= {copy.name: copy for copy in copies.values()}
    for copy in copies.values():
        copy.wait()
    return copies


def test_the_copies_that_hear_are_killed_and_the_others_take_over_within_seconds(
    fleet: Fleet, journey: Journey
) -> None:
    first = {name: fleet.processes[name] for name in SERVICES}
    second = second_copies(fleet)

    def lose_the_first() -> None:
        for process in first.values():
            process.kill()
        before = journey.mentee.get(f"/v1/relationships/{journey.relationship}")["position"]
        for process in second.values():
            eventually(lambda process=process: metric(process, "mentoring_heard_position ") >= before, seconds=10)  # type: ignore[misc]

    def start_the_first_again() -> None:
        for process in first.values():
            process.start()
        for process in first.values():
            process.wait()

    def lose_the_second() -> None:
        for process in second.values():
            process.kill()

    play(journey, {"agree": lose_the_first, "meet": start_the_first_again, "part_well": lose_the_second})
    assert_whole(fleet, journey)


def test_while_the_object_store_is_down_files_hears_of_all_else_and_removes_what_was_withdrawn_afterwards(
    fleet: Fleet, journey: Journey, servers: Servers
) -> None:
    for step in journey.steps:
        if step.__name__ == "part_well":
            break
        step()
    files = fleet.processes["files"]
    where = f"/v1/relationships/{journey.relationship}"
    [file] = journey.mentee.get(f"{where}/files")["items"]
    link = journey.mentor.get(f"/v1/files/{file['file_id']}/download")["url"]
    servers.minio.kill()
    try:
        assert journey.mentee.ask("DELETE", f"/v1/files/{file['file_id']}").status_code in (200, 202)
        paused = journey.mentee.post(f"{where}/pause", reason="I am travelling.")["position"]
        eventually(lambda: metric(files, "mentoring_heard_position ") >= paused, seconds=60)
        eventually(lambda: metric(files, "mentoring_parked_events{") >= 1, seconds=10)
    finally:
        servers.minio.start()
    eventually(lambda: metric(files, "mentoring_parked_events{") == 0, seconds=60)
    assert httpx.get(link).status_code == 404
    assert fleet.run("parked", "list") == "nothing is parked\n"

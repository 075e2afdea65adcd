"""Identity as a process of its own: what a caller claims counts for nothing, and nothing happens twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from sqlalchemy import make_url

from deploy.demo import COORDINATOR
from deploy.fleet import Fleet, Process, free_ports
from deploy.fresh import fresh_environment
from deploy.servers import Servers
from services.identity.commands import CreateProgram, SignIn
from services.identity.events import ProgramCreated
from shared import clock
from shared.ids import new_id
from shared.messages import Command
from shared.parts import Parts
from shared.refusals import Unauthenticated, Unavailable
from shared.rpc import RpcBus
from shared.service import Context, Done
from shared.settings import Settings
from shared.wire import ServiceFailed
from tests.integration.asking import call, connected, context
from tests.integration.stage import eventually

Asking = Callable[[RpcBus], Awaitable[None]]


class Juggle(Command):
    """Nothing that identity can do."""


class Place:
    """Installed by `init`; of its processes only identity is started, by the tests."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.environment = fleet.environment
        self.identity: Process = fleet.processes["identity"]
        self.broker_url = fleet.environment["MENTORING_BROKER_URL"]

    def ask(self, asking: Asking) -> None:
        async def run() -> None:
            async with connected(self.broker_url) as bus:
                await asking(bus)

        asyncio.run(run())

    async def signed_in(self, bus: RpcBus) -> Context:
        done = await bus.send("identity", sign_in(self.fleet.password), context())
        return replace(context(), token=done.result["access_token"])

    def events(self, kind: str) -> list[str]:
        """The streams of all events of that type in the log."""
        folder = Path(self.environment["MENTORING_SECRETS_DIR"])
        settings = Settings(database_url=self.environment["MENTORING_DATABASE_URL"], secrets_dir=folder)
        with closing(Parts(settings, "identity")) as parts:
            return [recorded.stream for recorded in parts.log.read(0, 10_000) if recorded.type == kind]

    def created(self, command: CreateProgram) -> int:
        return len([stream for stream in self.events(ProgramCreated.type) if str(command.program_id) in stream])


@pytest.fixture(scope="module")
def installed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with fresh_environment(servers) as environment:
        fleet = Fleet(environment, tmp_path_factory.mktemp("platform"), free_ports())
        fleet.install()
        try:
            yield Place(fleet)
        finally:
            fleet.processes["identity"].kill()


@pytest.fixture
def place(installed: Place) -> Place:
    """With identity at work, whatever the test before did to it."""
    if not installed.identity.running:
        installed.identity.start()
    installed.identity.wait()
    return installed


def sign_in(password: str) -> SignIn:
    return SignIn(email=COORDINATOR, password=password, at=clock.now())


def create_program() -> CreateProgram:
    return CreateProgram(program_id=new_id(), name="Women into web engineering", at=clock.now())


def test_a_wrong_password_is_refused_as_such(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        with pytest.raises(Unauthenticated) as refused:
            await bus.send("identity", sign_in("not the password"), context())
        assert refused.value.code == "credentials_wrong"
        assert "not the password" not in repr(refused.value.to_wire())

    place.ask(asking)


def test_a_malformed_sign_in_is_told_where_and_keeps_the_password_to_itself(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        payload = {"email": "no address", "password": ["my-password"], "at": "now"}
        answer = await call(place.broker_url, "identity.sign_in", payload, {})
        refused = answer["result"]["refused"]
        assert (refused["kind"], refused["code"]) == ("invalid", "payload_invalid")
        assert {error["at"] for error in refused["facts"]["errors"]} == {"email", "password", "at"}
        assert "my-password" not in repr(answer)
        assert "my-password" not in place.identity.output.read_text()

    place.ask(asking)


@pytest.mark.parametrize(("header", "value"), [("command_id", "my-id"), ("deadline", "2999-01-01T00:00"), ("seen", [])])
def test_a_context_that_is_not_well_formed_is_told_where(place: Place, header: str, value: object) -> None:
    async def asking(bus: RpcBus) -> None:
        payload = create_program().model_dump(mode="json")
        answer = await call(place.broker_url, "identity.create_program", payload, {header: value})
        refused = answer["result"]["refused"]
        assert (refused["kind"], refused["code"]) == ("invalid", "payload_invalid")
        assert [error["at"] for error in refused["facts"]["errors"]] == [header]

    place.ask(asking)


def test_what_identity_cannot_do_fails_at_once(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        asked = monotonic()
        with pytest.raises(ServiceFailed):
            await bus.send("identity", Juggle(at=clock.now()), context(30))
        assert monotonic() - asked < 2

    place.ask(asking)


@pytest.mark.parametrize("actor", ["system:init", "system:appoint"])
def test_nobody_becomes_coordinator_by_saying_that_the_platform_asks(place: Place, actor: str) -> None:
    async def asking(bus: RpcBus) -> None:
        before = place.events("identity.coordinator_appointed")
        payload = {
            "person_id": str(new_id()),
            "email": "mallory@example.org",
            "password": "correct horse battery",
            "at": clock.now().isoformat(),
        }
        answer = await call(place.broker_url, "identity.appoint_coordinator", payload, {"actor": actor})
        assert answer["result"]["refused"]["kind"] in {"forbidden", "unauthenticated"}
        assert place.events("identity.coordinator_appointed") == before

    place.ask(asking)


def test_while_it_is_down_an_asker_waits_until_the_deadline_and_afterwards_all_goes_on(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        await place.signed_in(bus)
        place.identity.kill()
        asked = monotonic()
        with pytest.raises(Unavailable):
            await bus.send("identity", sign_in(place.fleet.password), context(1))
        assert monotonic() - asked < 2
        place.identity.start()
        await asyncio.to_thread(place.identity.wait)
        await place.signed_in(bus)

    place.ask(asking)


def test_a_deadline_that_has_passed_is_unavailable_at_once(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        asked = monotonic()
        late = replace(context(), deadline=clock.now() - timedelta(seconds=1))
        with pytest.raises(Unavailable):
            await bus.send("identity", sign_in(place.fleet.password), late)
        assert monotonic() - asked < 1

    place.ask(asking)


def test_the_same_command_twice_at_the_same_time_has_its_effect_once(place: Place) -> None:
    async def asking(bus: RpcBus) -> None:
        coordinator, command = await place.signed_in(bus), create_program()
        answers = await asyncio.gather(*(bus.send("identity", command, coordinator) for _ in range(4)))
        assert {answer.position for answer in answers} == {answers[0].position}
        assert sorted(answer.repeated for answer in answers) == [False, True, True, True]
        assert place.created(command) == 1

    place.ask(asking)


def test_a_command_redelivered_because_identity_was_killed_has_its_effect_once(place: Place) -> None:
    """It is held at the log's head, unanswered, when its process is killed; what its session does then is all one."""

    async def asking(bus: RpcBus) -> None:
        coordinator, command = await place.signed_in(bus), create_program()
        libpq = make_url(place.environment["MENTORING_DATABASE_URL"]).set(drivername="postgresql")
        with psycopg.connect(libpq.render_as_string(hide_password=False)) as held:
            held.execute("SELECT * FROM log.head FOR UPDATE")
            waiting = asyncio.create_task(send_patiently(bus, command, coordinator))
            await until_blocked(libpq.render_as_string(hide_password=False))
            place.identity.kill()
        place.identity.start()
        done = await waiting
        assert place.created(command) == 1
        again = await bus.send("identity", command, replace(coordinator, deadline=context().deadline))
        assert (again.position, again.repeated) == (done.position, True)

    place.ask(asking)


async def send_patiently(bus: RpcBus, command: Command, asked: Context) -> Done:
    return await bus.send("identity", command, replace(asked, deadline=clock.now() + timedelta(seconds=40)))


async def until_blocked(database_url: str) -> None:
    """Somebody waits for a lock in this database."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(database_url, autocommit=True) as watching:
        await asyncio.to_thread(eventually, lambda: watching.execute(blocked).fetchall()[0][0] > 0, 10)

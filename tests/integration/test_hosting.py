"""A service in processes of its own, asked over the broker, whatever is killed meanwhile."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID

import aio_pika
import psycopg
import pytest
from sqlalchemy import make_url

from deploy.fleet import Process
from deploy.fresh import fresh_database, fresh_vhost
from deploy.servers import Servers
from shared import clock, tokens
from shared.ids import new_id
from shared.refusals import Conflict, Refusal, Unauthenticated, Unavailable
from shared.rpc import RpcBus
from shared.service import Done
from shared.wire import ServiceFailed
from tests.integration.asking import call, connected, context
from tests.integration.stage import QUEUES_WRITTEN, Stage, eventually, staged
from tests.integration.toy.events import Counted
from tests.integration.toy.heard import Happened
from tests.integration.toy.service import KEPT, LIMIT, Break, Count, Dawdle, Promise, WhoAmI

Asking = Callable[[RpcBus], Awaitable[None]]


def count(amount: int = 1, counter_id: UUID | None = None) -> Count:
    return Count(counter_id=counter_id or new_id(), amount=amount, at=clock.now())


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    await asyncio.to_thread(eventually, holds, seconds)


def ask(stage: Stage, asking: Asking) -> None:
    async def run() -> None:
        async with connected(stage.broker_url) as bus:
            await asking(bus)

    asyncio.run(run())


@pytest.fixture(scope="module")
def stage(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all of these tests: each counts with counters of its own."""
    folder = tmp_path_factory.mktemp("stage")
    with fresh_database(servers) as database, fresh_vhost(servers) as vhost, staged(database, vhost, folder) as stage:
        yield stage


@pytest.fixture(scope="module")
def only(stage: Stage) -> Process:
    return stage.toy()


@pytest.fixture
def toy(only: Process) -> Process:
    """At work, whatever the test before did to it."""
    if not only.running:
        only.start()
    only.wait()
    return only


def counted(stage: Stage, counter_id: UUID) -> list[int]:
    recorded = stage.parts.log.streams([f"counter-{counter_id}"])[f"counter-{counter_id}"]
    return [json.loads(one.data)["amount"] for one in recorded if one.type == Counted.type]


def test_a_command_is_carried_out_and_answered(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        command = count(7)
        done = await bus.send("toy", command, context())
        assert done == Done(position=stage.parts.log.head().position, version=1)
        assert counted(stage, command.counter_id) == [7]

    ask(stage, asking)


def test_many_calls_at_once_each_get_their_own_answer(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        commands = [count(number) for number in range(200)]
        answers = await asyncio.gather(*(bus.send("toy", command, context(30)) for command in commands))
        assert len({answer.position for answer in answers}) == len(commands)
        for command in commands:
            assert counted(stage, command.counter_id) == [command.amount]

    ask(stage, asking)


def test_a_refusal_comes_with_its_kind_code_and_facts(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        with pytest.raises(Conflict) as refused:
            await bus.send("toy", count(LIMIT + 1), context())
        assert refused.value.code == "too_much"
        assert refused.value.detail == "Nobody can count that far."
        assert refused.value.facts == {"total": 0}

    ask(stage, asking)


def test_a_payload_that_is_not_valid_says_where_and_repeats_nothing_of_it(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        answer = await call(stage.broker_url, "toy.count", {"counter_id": str(new_id()), "amount": "my-password"}, {})
        refused = answer["result"]["refused"]
        assert (refused["kind"], refused["code"]) == ("invalid", "payload_invalid")
        assert [error["at"] for error in refused["facts"]["errors"]] == ["at", "amount"]
        assert "my-password" not in json.dumps(answer)

    ask(stage, asking)


def test_an_error_of_the_services_own_is_logged_there_and_not_told(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        asked = context()
        with pytest.raises(ServiceFailed) as failed:
            await bus.send("toy", Break(secret="told to nobody", at=clock.now()), asked)
        assert "told to nobody" not in str(failed.value)
        lines = [json.loads(line) for line in toy.output.read_text().splitlines() if line.startswith("{")]
        [line] = [line for line in lines if line.get("correlation_id") == str(asked.correlation_id)]
        assert (line["level"], line["command"]) == ("ERROR", "Break")
        assert (await bus.send("toy", count(), context())).version == 1

    ask(stage, asking)


def test_who_asks_is_what_the_token_says_and_nothing_else(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        ada = new_id()
        token = tokens.sign(ada, stage.parts.keys.signing())
        who = WhoAmI(at=clock.now())
        assert (await bus.send("toy", who, context())).result == {"actor": "anonymous"}
        assert (await bus.send("toy", who, replace(context(), token=token))).result == {"actor": str(ada)}
        with pytest.raises(Unauthenticated):
            await bus.send("toy", who, replace(context(), token=token[:-4]))
        payload = who.model_dump(mode="json")
        claimed = await call(stage.broker_url, "toy.who_am_i", payload, {"actor": "system:init"})
        assert claimed["result"]["done"]["result"] == {"actor": "anonymous"}

    ask(stage, asking)


def test_a_call_that_says_not_where_to_answer_does_not_end_the_service(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        async with await aio_pika.connect(stage.broker_url) as connection:
            exchange = await (await connection.channel()).get_exchange("nameko-rpc")
            for body in (b'{"args": [], "kwargs": {}}', b"[]", b"not json"):
                await exchange.publish(aio_pika.Message(body, content_type="application/json"), "toy.count")
        assert (await bus.send("toy", count(), context())).version == 1
        assert toy.running

    ask(stage, asking)


def test_the_same_command_again_has_its_effect_once(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        command, asked = count(), context()
        first = await bus.send("toy", command, asked)
        again = await bus.send("toy", command, asked)
        assert again == replace(first, repeated=True)
        assert counted(stage, command.counter_id) == [1]

    ask(stage, asking)


def test_an_unknown_service_is_unavailable_at_once(stage: Stage) -> None:
    async def asking(bus: RpcBus) -> None:
        asked = monotonic()
        with pytest.raises(Unavailable):
            await bus.send("nobody", count(), context(30))
        assert monotonic() - asked < 2

    ask(stage, asking)


def test_an_asker_waits_until_the_deadline_and_no_longer(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        slow = Dawdle(counter_id=new_id(), seconds=3, at=clock.now())
        asked = monotonic()
        with pytest.raises(Unavailable):
            await bus.send("toy", slow, context(0.5))
        assert 0.4 < monotonic() - asked < 2

    ask(stage, asking)


def test_what_was_asked_of_a_service_that_was_down_is_not_done_after_the_deadline(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        toy.kill()
        late = count()
        with pytest.raises(Unavailable):
            await bus.send("toy", late, context(0.5))
        toy.start()
        toy.wait()
        await bus.send("toy", count(), context())
        assert counted(stage, late.counter_id) == []

    ask(stage, asking)


def test_a_call_that_arrives_after_its_deadline_is_not_carried_out(stage: Stage, toy: Process) -> None:
    """Even if the broker kept it: the clock of the service decides."""

    async def asking(bus: RpcBus) -> None:
        command = count()
        passed = (clock.now() - timedelta(seconds=1)).isoformat()
        answer = await call(stage.broker_url, "toy.count", command.model_dump(mode="json"), {"deadline": passed})
        assert answer["result"]["refused"]["kind"] == "unavailable"
        assert counted(stage, command.counter_id) == []

    ask(stage, asking)


def test_two_copies_share_the_calls_and_one_alone_goes_on(stage: Stage, toy: Process) -> None:
    other = stage.toy()
    other.start()
    other.wait()

    async def asking(bus: RpcBus) -> None:
        commands = [count(number) for number in range(80)]
        before = commands_of(toy)
        await asyncio.gather(*(bus.send("toy", command, context(30)) for command in commands[:40]))
        assert commands_of(toy) > before and commands_of(other) > 0
        other.kill()
        await asyncio.gather(*(bus.send("toy", command, context(30)) for command in commands[40:]))
        assert [counted(stage, command.counter_id) for command in commands] == [[number] for number in range(80)]

    ask(stage, asking)


def commands_of(process: Process) -> float:
    """How many it has carried out, by its own account."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("mentoring_command_seconds_count"))


def test_a_command_in_the_midst_of_which_the_service_is_killed_is_done_once_by_the_next(
    stage: Stage, toy: Process
) -> None:
    async def asking(bus: RpcBus) -> None:
        slow = Dawdle(counter_id=new_id(), seconds=1, at=clock.now())
        asking = asyncio.create_task(bus.send("toy", slow, context(30)))
        await asyncio.sleep(0.5)
        toy.kill()
        toy.start()
        assert (await asking).version == 1
        assert counted(stage, slow.counter_id) == [1]

    ask(stage, asking)


def test_service_killed_again_and_again_under_load_does_each_command_once(stage: Stage, toy: Process) -> None:
    commands = [count(number) for number in range(300)]

    async def insist(bus: RpcBus, command: Count) -> None:
        asked = context()
        while True:
            try:
                await bus.send("toy", command, replace(asked, deadline=clock.now() + timedelta(seconds=3)))
                return
            except Unavailable:
                await asyncio.sleep(0.1)

    async def kill() -> None:
        for _ in range(3):
            await asyncio.sleep(0.4)
            toy.kill()
            toy.start()
            await until(lambda: toy.ready)

    async def asking(bus: RpcBus) -> None:
        await asyncio.gather(kill(), *(insist(bus, command) for command in commands))

    ask(stage, asking)
    for command in commands:
        assert counted(stage, command.counter_id) == [command.amount]


def test_sigterm_lets_a_command_finish_and_delivered_again_it_is_not_done_again(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        slow = Dawdle(counter_id=new_id(), seconds=2, at=clock.now())
        asking = asyncio.create_task(bus.send("toy", slow, context(30)))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(toy.stop)
        assert (await asyncio.wait_for(asking, 2)).version == 1
        toy.start()
        toy.wait()
        await bus.send("toy", count(), context(30))
        assert counted(stage, slow.counter_id) == [1]

    ask(stage, asking)


def test_a_copy_that_does_not_hear_knows_what_the_other_has_heard(stage: Stage, toy: Process) -> None:
    """A command that has seen an event is decided on a directory that holds it, whichever copy it reaches."""
    other = stage.toy()
    other.start()
    other.wait()

    async def asking(bus: RpcBus) -> None:
        before = [commands_of(toy), commands_of(other)]
        for _ in range(10):
            seen = replace(context(30), seen=stage.happen(Happened(counter_id=new_id())))
            calls = [bus.send("toy", count(), replace(seen, command_id=new_id())) for _ in range(8)]
            assert [done.version for done in await asyncio.gather(*calls)] == [1] * len(calls)
        assert commands_of(toy) > before[0] and commands_of(other) > before[1]

    ask(stage, asking)
    other.stop()


def test_sigterm_ends_a_service_in_time_though_broker_and_command_never_end(
    stage: Stage, toy: Process, servers: Servers
) -> None:
    async def asking(bus: RpcBus) -> None:
        endless = Dawdle(counter_id=new_id(), seconds=60, at=clock.now())
        asking = asyncio.create_task(bus.send("toy", endless, context(30)))
        await asyncio.sleep(QUEUES_WRITTEN)
        await asyncio.to_thread(servers.rabbitmq.kill)
        try:
            await asyncio.to_thread(toy.stop, 12)
        finally:
            await asyncio.to_thread(servers.rabbitmq.start)
        with pytest.raises(Unavailable):
            await asking

    ask(stage, asking)


def test_sigterm_ends_a_service_in_time_though_its_database_is_gone(
    stage: Stage, toy: Process, servers: Servers
) -> None:
    servers.postgres.kill()
    try:
        toy.stop(seconds=12)
    finally:
        servers.postgres.start()


def test_without_its_database_a_service_refuses_quickly_and_recovers(
    stage: Stage, toy: Process, servers: Servers
) -> None:
    async def asking(bus: RpcBus) -> None:
        await bus.send("toy", count(), context())
        servers.postgres.kill()
        try:
            asked = monotonic()
            with pytest.raises(Unavailable):
                await bus.send("toy", count(), context(30))
            assert monotonic() - asked < 3
            assert not toy.ready
        finally:
            servers.postgres.start()
        await until(lambda: toy.ready)
        await bus.send("toy", count(), context())
        assert toy.running

    ask(stage, asking)


def test_without_the_broker_a_call_fails_at_once_and_afterwards_all_goes_on(
    stage: Stage, toy: Process, servers: Servers
) -> None:
    async def send(bus: RpcBus) -> Done | Refusal:
        try:
            return await bus.send("toy", count(), context(3))
        except Unavailable as unavailable:
            return unavailable

    async def asking(bus: RpcBus) -> None:
        await asyncio.sleep(QUEUES_WRITTEN)
        load = [asyncio.create_task(send(bus)) for _ in range(200)]
        await asyncio.to_thread(servers.rabbitmq.kill)
        try:
            answers = await asyncio.gather(*load)
            assert all(isinstance(answer, Done | Unavailable) for answer in answers)
            asked = monotonic()
            assert isinstance(await send(bus), Unavailable)
            assert monotonic() - asked < 0.1
            assert not toy.ready
        finally:
            await asyncio.to_thread(servers.rabbitmq.start)
        await until(lambda: bus.connected and toy.ready)
        await until_done(bus)
        assert toy.running

    async def until_done(bus: RpcBus) -> None:
        async with asyncio.timeout(20):
            while not isinstance(await send(bus), Done):
                pass

    ask(stage, asking)


def test_a_service_waits_for_a_broker_that_is_not_there_yet_and_ends_in_time_without_one(
    stage: Stage, toy: Process, servers: Servers
) -> None:
    early = stage.toy()
    sleep(QUEUES_WRITTEN)
    servers.rabbitmq.kill()
    try:
        early.start()
        eventually(lambda: "Error connecting to broker" in early.output.read_text())
        assert not early.ready
        toy.stop(seconds=12)
    finally:
        servers.rabbitmq.start()
    early.wait()
    early.stop()


def test_while_one_command_waits_for_the_database_others_are_carried_out(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        libpq = make_url(stage.settings.database_url).set(drivername="postgresql")
        with psycopg.connect(libpq.render_as_string(hide_password=False)) as held:
            held.execute("SELECT * FROM log.head FOR UPDATE")
            waiting = asyncio.create_task(bus.send("toy", count(), context(15)))
            await asyncio.sleep(0.3)
            assert (await bus.send("toy", WhoAmI(at=clock.now()), context(3))).result == {"actor": "anonymous"}
            assert not waiting.done()
        assert (await waiting).version == 1

    ask(stage, asking)


def test_what_falls_due_is_done(stage: Stage, toy: Process) -> None:
    async def asking(bus: RpcBus) -> None:
        counter_id = new_id()
        promise = Promise(counter_id=counter_id, by=clock.now() + timedelta(seconds=1), at=clock.now())
        await bus.send("toy", promise, context())
        await until(lambda: counted(stage, counter_id) == [KEPT], 15)

    ask(stage, asking)

"""One courier, in an office where time passes when somebody sleeps."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.webhooks.courier import Courier, Time
from services.webhooks.domain import PAUSES, Delivery, Failed, Taken, Webhook
from shared.ids import NIL, new_id
from shared.log import Recorded

MINE, OTHER = uuid4(), uuid4()
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEBHOOK = Webhook(uuid4(), MINE, "https://receiver.example.org/", ("goals.*",), start=0, restarted=0, ordered=0)
SOMETHING = Recorded(
    position=0,
    event_id=new_id(),
    stream="goal-1",
    version=1,
    type="goals.goal_set",
    schema_version=1,
    subject=None,
    program=MINE,
    actor="ada",
    command_id=new_id(),
    correlation_id=new_id(),
    causation_id=None,
    occurred_at=BEGIN,
    recorded_at=BEGIN,
    data="{}",
    hash=b"",
)
Answering = Callable[[Recorded, datetime], Taken | Failed]


class Office:
    """A log in memory, and a receiver that answers as it is told."""

    def __init__(self, answering: Answering = lambda recorded, at: Taken()) -> None:
        self.log: list[Recorded] = []
        self.position = 0
        self.now = BEGIN
        self.time = Time(lambda: self.now, self._sleep, lambda: 1.0)
        self.attempts: list[tuple[int, datetime]] = []
        self.saved: list[Delivery] = []
        self._answering = answering

    def happen(self, program: UUID = MINE, kind: str = "goals.goal_set") -> None:
        self.position += 1
        self.log.append(SOMETHING._replace(position=self.position, program=program, type=kind))

    async def after(self, position: int) -> Sequence[Recorded]:
        await asyncio.sleep(0)
        return self.log[position:]

    async def attempt(self, webhook: Webhook, recorded: Recorded) -> Taken | Failed:
        await asyncio.sleep(0)
        self.attempts.append((recorded.position, self.now))
        return self._answering(recorded, self.now)

    async def save(self, delivery: Delivery) -> None:
        self.saved.append(delivery)

    async def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


async def work(office: Office, meanwhile: Callable[[Courier], None] = lambda courier: None) -> Courier:
    """Until there is nothing more to do."""
    courier = Courier(WEBHOOK, Delivery(WEBHOOK.webhook_id), office)
    task = asyncio.create_task(courier.run())
    for _ in range(20):
        await asyncio.sleep(0)
    meanwhile(courier)
    for _ in range(20_000):
        await asyncio.sleep(0)
        if task.done():
            break
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return courier


def test_it_brings_what_is_wanted_in_order_and_keeps_each_after_it_was_taken() -> None:
    office = Office()
    kinds = {"goals.a": MINE, "goals.b": OTHER, "files.c": MINE, "goals.d": MINE, "goals.e": NIL}
    for kind, program in kinds.items():
        office.happen(program, kind)
    courier = asyncio.run(work(office))
    assert [position for position, _ in office.attempts] == [1, 4]
    assert [saved.position for saved in office.saved] == [1, 4]
    assert courier.reached == 5


def test_what_fails_is_tried_again_on_time_and_what_follows_waits() -> None:
    office = Office(lambda recorded, at: Taken() if at >= BEGIN + PAUSES[0] + PAUSES[1] else Failed("status_500"))
    office.happen()
    office.happen()
    asyncio.run(work(office))
    due = BEGIN + PAUSES[0] + PAUSES[1]
    assert office.attempts == [(1, BEGIN), (1, BEGIN + PAUSES[0]), (1, due), (2, due)]


def test_after_ten_attempts_it_gives_up_and_nothing_was_passed_over() -> None:
    office = Office(lambda recorded, at: Failed("status_500"))
    office.happen()
    courier = asyncio.run(work(office))
    assert len(office.attempts) == 10
    assert office.now - BEGIN > timedelta(hours=75)
    assert (office.saved[-1].position, courier.delivery.disabled_at) == (0, office.now)


def test_what_is_none_of_its_business_moves_it_on_but_never_past_what_it_was_called_for() -> None:
    office = Office()

    def new_things_happen(courier: Courier) -> None:
        for program in (OTHER, MINE, OTHER):
            office.happen(program)
            courier.call(office.position, concerned=program == MINE)

    courier = asyncio.run(work(office, new_things_happen))
    assert [position for position, _ in office.attempts] == [2]
    assert courier.reached == 3


def test_an_idle_one_moves_on_without_being_woken() -> None:
    office = Office()

    def something_else_happens(courier: Courier) -> None:
        office.happen(OTHER)
        courier.call(office.position, concerned=False)
        assert courier.reached == 1

    asyncio.run(work(office, something_else_happens))
    assert office.attempts == []

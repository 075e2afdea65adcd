import asyncio
from uuid import uuid4

from services.gateway.feed import WAITING_AT_MOST, Reader
from services.gateway.telling import EventAnswer
from shared import clock


def event(position: int) -> EventAnswer:
    return EventAnswer(
        position=position,
        event_id=uuid4(),
        type="tests.happened",
        program_id=uuid4(),
        relationship_id=None,
        actor="tests",
        occurred_at=clock.now(),
        recorded_at=clock.now(),
        data={},
    )


def test_who_does_not_keep_up_gets_what_is_waiting_in_order_and_is_let_go() -> None:
    async def told() -> list[int]:
        reader = Reader()
        for position in range(WAITING_AT_MOST + 100):
            reader.offer(event(position))
        read = []
        while (one := await reader.waiting.get()) is not None:
            read.append(one.position)
        return read

    assert asyncio.run(told()) == list(range(WAITING_AT_MOST))


def test_who_was_let_go_is_offered_nothing_more() -> None:
    async def told() -> int:
        reader = Reader()
        reader.let_go()
        reader.let_go()
        reader.offer(event(1))
        return reader.waiting.qsize()

    assert asyncio.run(told()) == 1

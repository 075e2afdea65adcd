"""A program for `in_green`: of five who append, one is killed while it waits and one when its turn has come."""

from collections.abc import Sequence

import eventlet

from shared.log import Append, Outcome
from shared.log.group_commit import GroupCommit
from shared.log.memory import MemoryLog
from tests.contract.log.saying import say, texts


class DozingLog(MemoryLog):
    def append(self, batch: Sequence[Append]) -> list[Outcome]:
        eventlet.sleep(0.05)
        return super().append(batch)


def main() -> None:
    log = GroupCommit(DozingLog(), largest=1)
    names = ("first", "waiting", "ada", "next", "mary")
    green = {name: eventlet.spawn(log.append, [say(name, name)]) for name in names}
    eventlet.sleep(0.01)
    green["waiting"].kill()
    next_ticket = log._line[1]
    while not next_ticket.leads:
        eventlet.sleep(0)
    green["next"].kill()
    for name in ("first", "ada", "mary"):
        green[name].wait()
    log.append([say("late", "late")])
    print(*texts(log))


main()

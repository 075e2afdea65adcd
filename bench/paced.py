"""A process that sends so many events per second: `python -m bench.paced SIDE EVENTS PER_SECOND`.

Tells each event's id with the moment, of this machine's monotonic clock, from which on it was under way. The settings
are those of the environment.
"""

import json
import sys
import time
from collections.abc import Callable
from uuid import uuid4

from nameko.standalone.events import event_dispatcher

from bench import rooms
from services.surroundings import settings_of_environment
from shared.log import open_log

Send = Callable[[], tuple[str, float]]

settings = settings_of_environment()


def ours() -> Send:
    """Appended to the log; under way when that is committed."""
    log = open_log(settings.database_url)

    def send() -> tuple[str, float]:
        append = rooms.said(uuid4())
        log.append([append])
        return str(append.entries[0].event_id), time.monotonic()

    return send


def peer() -> Send:
    """nameko's dispatcher. Under way from the start: when it returns, the broker has confirmed."""
    dispatch = event_dispatcher({"AMQP_URI": str(settings.broker_url)})

    def send() -> tuple[str, float]:
        event, moment = str(uuid4()), time.monotonic()
        dispatch("rooms", rooms.Said.type, {"id": event, "text": rooms.TEXT})
        return event, moment

    return send


def paced(send: Send, events: int, per_second: float) -> dict[str, float]:
    """Each at its time, or when the one before is done."""
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        event, moment = send()
        sent[event] = moment
    return sent


SIDES = {"ours": ours, "peer": peer}


def main(side: str, events: str, per_second: str) -> None:
    send = SIDES[side]()
    print("ready", flush=True)
    while sys.stdin.readline():
        print(json.dumps(paced(send, int(events), float(per_second))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The eventsourcing library's own log, written and read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Notification
from eventsourcing.system import NotificationLogReader
from sqlalchemy import make_url

AT_ONCE = 2000
IN_ONE_AGGREGATE = 500


class Room(Aggregate):
    @event("Said")
    def say(self, text: str) -> None:
        self.last = text


def application(url: str) -> Application[UUID]:
    parsed = make_url(url)
    return Application[UUID](
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(parsed.database),
            "POSTGRES_HOST": str(parsed.host),
            "POSTGRES_PORT": str(parsed.port),
            "POSTGRES_USER": str(parsed.username),
            "POSTGRES_PASSWORD": str(parsed.password),
        }
    )


def write(log: Application[UUID], events: int, text: str) -> None:
    for _ in range(events // IN_ONE_AGGREGATE):
        room = Room()
        for _ in range(IN_ONE_AGGREGATE - 1):
            room.say(text)
        log.save(room)


def read(log: Application[UUID]) -> int:
    """Every event of the log, decoded, counted by its aggregate: how many there are. In the library's own way, which
    asks for ten at a time by default."""
    return _counted(log, NotificationLogReader(log.notification_log).read(start=1))


def read_many_at_once(log: Application[UUID]) -> int:
    """The same past the library's reader, so many thousand in one query."""
    return _counted(log, _all(log))


def _all(log: Application[UUID]) -> Iterator[Notification]:
    start = 1
    while notifications := log.recorder.select_notifications(start, AT_ONCE):
        yield from notifications
        start = notifications[-1].id + 1


def _counted(log: Application[UUID], notifications: Iterable[Notification]) -> int:
    return Counter(log.mapper.to_domain_event(one).originator_id for one in notifications).total()

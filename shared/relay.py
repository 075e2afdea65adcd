"""The relay: publishes the log to RabbitMQ, in order, each event at least once."""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial

import amqp
from prometheus_client import Counter, Gauge
from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, insert, select, text, update

from shared import broker
from shared.database import reading, writing
from shared.log import EventLog
from shared.looping import keep_going
from shared.refusals import Unavailable

logger = logging.getLogger(__name__)

metadata = MetaData()
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

NAME = "relay"
WINDOW = 500
TOGETHER = 100
CONFIRM_SECONDS = 30.0
SAVE_SECONDS = 0.1
IDLE_SECONDS = 0.5
LOOK_SECONDS = 0.01
TAKEOVER_SECONDS = 1.0
LEASE_SECONDS = 2
AT_ONCE = 0.0001
LEADER_KEY = 7_301_994

PUBLISHED = Counter("mentoring_relay_published", "Events that the broker has confirmed")
POSITION = Gauge("mentoring_relay_position", "Up to here the broker has confirmed every event")
MISSING = Counter("mentoring_relay_confirms_missing", "Times that the broker did not confirm an event in time")


class ConfirmMissing(Unavailable):
    """The broker refused an event, or did not confirm it in time."""


@dataclass
class Window:
    """What is published and not yet confirmed, oldest first. Delivery tags count from 1 on each channel."""

    confirmed: int
    _unconfirmed: deque[tuple[int, int, float]] = field(default_factory=deque)
    _acked: set[int] = field(default_factory=set)
    _tag: int = 0

    def published(self, position: int) -> None:
        self._tag += 1
        self._unconfirmed.append((self._tag, position, time.monotonic()))

    def acked(self, tag: int, multiple: bool) -> None:
        """Moves `confirmed` to the highest position before which nothing is missing."""
        self._acked.add(tag)
        while self._unconfirmed:
            oldest, position, _ = self._unconfirmed[0]
            if not (oldest in self._acked or (multiple and oldest <= tag)):
                return
            self._acked.discard(oldest)
            self._unconfirmed.popleft()
            self.confirmed = position
            PUBLISHED.inc()

    @property
    def room(self) -> int:
        return WINDOW - self.unconfirmed

    @property
    def overdue(self) -> bool:
        return bool(self._unconfirmed) and time.monotonic() - self._unconfirmed[0][2] > CONFIRM_SECONDS

    @property
    def unconfirmed(self) -> int:
        return len(self._unconfirmed)


def install(database: Engine) -> None:
    with writing(database) as connection:
        metadata.create_all(connection)
        if connection.scalar(select(checkpoints.c.position).where(checkpoints.c.name == NAME)) is None:
            connection.execute(insert(checkpoints).values(name=NAME, position=0))


class Relay:
    """One of several may run: who holds the lock of the database's session publishes, the others wait for it.

    Who leads asks that session for something all the time; one that is silent for `LEASE_SECONDS`, because its process
    hangs or its machine is gone, is ended by the database, and the lock with it.

    After a crash it goes on from its checkpoint: what was published after that is published again, in order.
    """

    def __init__(self, log: EventLog, database: Engine, broker_url: str) -> None:
        self._log = log
        self._database = database
        self._broker_url = broker_url
        self.ready = False

    def run(self, stop: threading.Event) -> None:
        keep_going(NAME, partial(self._lead, stop), stop)

    def _lead(self, stop: threading.Event) -> None:
        try:
            with reading(self._database) as session:
                try:
                    if self._await_turn(session, stop):
                        with broker.connected(self._broker_url) as connection:
                            self.ready = True
                            self._publish(connection, session, stop)
                finally:
                    session.invalidate()
        finally:
            self.ready = False

    def _await_turn(self, session: Connection, stop: threading.Event) -> bool:
        session.execute(text(f"SET idle_session_timeout = '{LEASE_SECONDS}s'"))
        while not session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_KEY}):
            self.ready = True
            if stop.wait(TAKEOVER_SECONDS):
                return False
        return True

    def _publish(self, connection: amqp.Connection, session: Connection, stop: threading.Event) -> None:
        """The checkpoint is kept through the session that holds the lock: who lost the one cannot move the other.

        An event that is there is published first; confirms are looked for, and the checkpoint is kept, in between.
        """
        channel = connection.channel()
        broker.declare_exchange(channel)
        broker.declare_stream(channel)
        channel.confirm_select()
        window = Window(_checkpoint(session))
        channel.events["basic_ack"].add(window.acked)
        channel.events["basic_nack"].add(_refused)
        read = saved = window.confirmed
        saved_at = time.monotonic()
        more = True
        while not stop.is_set():
            room = window.room if window.room >= WINDOW // 2 else 0
            batch = self._log.read(read, room) if more and room else []
            for start in range(0, len(batch), TOGETHER):
                some = batch[start : start + TOGETHER]
                broker.publish(connection, channel, some)
                for recorded in some:
                    window.published(recorded.position)
                read = some[-1].position
                _take_confirms(connection, AT_ONCE)
            _take_confirms(connection, AT_ONCE if room else IDLE_SECONDS)
            if window.overdue:
                MISSING.inc()
                raise ConfirmMissing("The broker does not confirm.", confirmed=window.confirmed)
            if time.monotonic() - saved_at > SAVE_SECONDS:
                _save(session, window.confirmed)
                saved, saved_at = window.confirmed, time.monotonic()
            if len(batch) < room:
                connection.heartbeat_tick()
                more = self._log.wait(read, LOOK_SECONDS if saved < read else IDLE_SECONDS)


def _take_confirms(connection: amqp.Connection, seconds: float) -> None:
    """Those that have come; when there are none, the first that comes within so many seconds."""
    while broker.drained(connection, seconds):
        seconds = AT_ONCE


def _checkpoint(session: Connection) -> int:
    position: int = session.execute(select(checkpoints.c.position).where(checkpoints.c.name == NAME)).scalar_one()
    return position


def _save(session: Connection, position: int) -> None:
    """Asks the session even when nothing has changed: it must still be there, for it holds the lock."""
    behind = (checkpoints.c.name == NAME) & (checkpoints.c.position < position)
    session.execute(update(checkpoints).where(behind).values(position=position))
    POSITION.set(position)


def _refused(tag: int, multiple: bool) -> None:
    raise ConfirmMissing("The broker refused an event.")

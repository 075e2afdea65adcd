"""Carries out a service's commands: know, load, fold, decide, append; once per command id, however often it arrives."""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine

from shared import clock, parking
from shared.database import reading
from shared.ids import derived_id
from shared.log import Append, Appended, ClaimTaken, Entry, EventLog, IdReused, Receipt, Recorded, Release, Take
from shared.log import Outcome as Verdict
from shared.messages import Command, Event, Sealer, encode
from shared.projection import Projection, Row, Rows, View
from shared.refusals import CommandReused, Invalid, NotReady, Refusal, Stale, Taken
from shared.service import Aggregate, Asker, Context, Done, Service, wire_name

TRIES = 8
SKEW = timedelta(seconds=5)
PATIENCE = 2.0
LOOKED_THROUGH = 1000

S = TypeVar("S")


class FromTheFuture(Invalid):
    """This claims to have happened later than now."""


@dataclass(frozen=True)
class Reader:
    """What a decision may look at besides its own stream: other streams of the same service, and its directory."""

    runtime: "Runtime"

    def state(self, aggregate: Aggregate[S], identity: UUID) -> S:
        return self.runtime.load(aggregate, identity)[0]

    def one(self, view: View, *key: Any) -> Row | None:
        """The directory's row under this primary key."""
        with reading(self.runtime.database) as connection:
            return self._rows(connection).one(view, *key)

    def where(self, view: View, **equal: Any) -> list[Row]:
        with reading(self.runtime.database) as connection:
            return self._rows(connection).where(view, **equal)

    def unheard(self) -> Iterator[Event]:
        """What the log has, of the types that the service knows, and the directory does not hold yet: because it is
        parked, or later than the checkpoint."""
        with reading(self.runtime.database) as connection:
            position = self.runtime.directory.checkpoint(connection)
            passed = [one.position for one in parking.listed(connection) if one.position <= position]
        for recorded in chain((self.runtime.log.read(one - 1, 1)[0] for one in passed), self._after(position)):
            if event := self.runtime.service.catalogue.decode(recorded):
                yield event

    def _after(self, position: int) -> Iterator[Recorded]:
        while batch := self.runtime.log.read(position):
            yield from batch
            position = batch[-1].position

    def _rows(self, connection: Connection) -> Rows:
        return Rows(self.runtime.directory, connection)


class Runtime:
    """One service at work. Safe to use from many threads.

    `verify` turns a token into its asker, or raises `Unauthenticated`. `digest_key` keys the digests by which a
    repeat is known, so that they tell nothing about what was said.
    """

    def __init__(
        self,
        service: Service,
        log: EventLog,
        database: Engine,
        sealer: Sealer,
        digest_key: bytes,
        verify: Callable[[str], Asker],
    ) -> None:
        self.service = service
        self.log = log
        self.database = database
        self.sealer = sealer
        self.directory = Projection(service.name, service.directory, service.catalogue)
        self.reader = Reader(self)
        self._digest_key = digest_key
        self._verify = verify
        self._known = service.catalogue
        self.heeded: Sequence[str] = sorted({*self.directory.types, *(kind.type for kind in service.policies)})
        self._caught_up = threading.Condition()
        self._position = 0
        self._parked = False

    def handle(self, command: Command, context: Context) -> Done:
        """Carry out one command. Raises the `Refusal` that says why not."""
        asker = self._asker(context)
        procedure = self.service.procedures.get(type(command))
        if command.at > clock.now() + SKEW:
            if procedure is None and (repeated := self.repeated(command, context)):
                return repeated
            raise FromTheFuture(at=command.at.isoformat())
        self._await_directory(context)
        if procedure is not None:
            return procedure(self, command, asker, context)
        return self._decide_and_append(command, asker, context)

    def execute(
        self, commands: Sequence[tuple[Command, Context]], asker: Asker, known: Any = None
    ) -> list[Done | Refusal]:
        """Many commands of one asker, each on its own stream, in as few round trips as it takes one.

        `known` is what a procedure has found out for all of them, instead of looking it up for each. The receipts are
        read after the streams: a command whose effect is seen there has its receipt.
        """
        streams = self.log.streams([self._stream(command) for command, _ in commands])
        receipts = self.log.receipts([context.command_id for _, context in commands])
        answers: list[Done | Refusal | None] = []
        appends: list[Append] = []
        for command, context in commands:
            try:
                if receipt := receipts.get(context.command_id):
                    answers.append(self._repeated(command, receipt))
                    continue
                append = self._decide(command, asker, context, streams[self._stream(command)], known)
            except Refusal as refusal:
                answers.append(refusal)
                continue
            if append is None:
                answers.append(Done(version=len(streams[self._stream(command)])))
            else:
                answers.append(None)
                appends.append(append)
        verdicts = iter(zip(appends, self.log.append(appends), strict=True) if appends else ())
        return [
            answer if answer is not None else self._settle(command, asker, context, known, *next(verdicts))
            for (command, context), answer in zip(commands, answers, strict=True)
        ]

    def load(self, aggregate: Aggregate[S], identity: UUID) -> tuple[S, int]:
        """The state of a stream, and its version."""
        name = aggregate.stream(identity)
        recorded = self.log.streams([name])[name]
        return self._fold(aggregate, recorded), len(recorded)

    def install(self, connection: Connection) -> None:
        """What it keeps of what it hears. Repeating it is harmless."""
        self.directory.install(connection)
        parking.install(connection)

    def caught_up(self, position: int, parked: bool = False) -> None:
        """The directory, and the policies' commands, now cover the log up to `position`, but for what is `parked`."""
        with self._caught_up:
            if position >= self._position:
                self._position, self._parked = position, parked
                self._caught_up.notify_all()

    def repeated(self, command: Command, context: Context) -> Done | None:
        """How this very command ended before, if it was recorded."""
        receipt = self.log.receipts([context.command_id]).get(context.command_id)
        return None if receipt is None else self._repeated(command, receipt)

    def _asker(self, context: Context) -> Asker:
        if context.actor is not None:
            return Asker(context.actor)
        return Asker() if context.token is None else self._verify(context.token)

    def _await_directory(self, context: Context) -> None:
        """Another copy of the service may be the one that hears: the checkpoint in the database tells. What nothing
        here heeds need not have been heard."""
        until = time.monotonic() + PATIENCE
        if context.deadline is not None:
            until = min(until, time.monotonic() + (context.deadline - clock.now()).total_seconds())
        with self._caught_up:
            while self._position < context.seen and not self._heeds_nothing_until(context.seen):
                with reading(self.database) as connection:
                    self.caught_up(self.directory.checkpoint(connection), parked=bool(parking.lanes(connection)))
                if self._position < context.seen and time.monotonic() >= until:
                    raise NotReady(seen=context.seen, heard=self._position)
                self._caught_up.wait(0.02 if self._position < context.seen else 0)
        if self._parked and context.seen:
            with reading(self.database) as connection:
                if parking.is_parked(connection, context.seen):
                    raise NotReady(seen=context.seen, parked=True)

    def _heeds_nothing_until(self, position: int) -> bool:
        """Whether, from where the directory stands on, nothing concerns it or a policy: then it stands there. Not when
        something is parked, behind which any event has to wait."""
        while self._position < position:
            some = min(LOOKED_THROUGH, position - self._position)
            if self._parked or self.log.read(self._position, some, self.heeded):
                return False
            self._position += some
        return True

    def _decide_and_append(self, command: Command, asker: Asker, context: Context, known: Any = None) -> Done:
        """The log itself answers a repeat; only one that is refused, or changes nothing, asks for its receipt."""
        if context.new and (done := self._decide_unread(command, asker, context, known)):
            return done
        stream = self._stream(command)
        for _ in range(TRIES):
            recorded = self.log.streams([stream])[stream]
            try:
                append = self._decide(command, asker, context, recorded, known)
            except Refusal:
                if repeated := self.repeated(command, context):
                    return repeated
                raise
            if append is None:
                return self.repeated(command, context) or Done(version=len(recorded))
            verdict = self.log.append([append])[0]
            if isinstance(verdict, Appended):
                return self._done(append, verdict)
            if refusal := self._refusal(verdict):
                raise refusal
        raise Stale(stream=stream)

    def _decide_unread(self, command: Command, asker: Asker, context: Context, known: Any) -> Done | None:
        """As for a stream that is empty. None when it came to nothing: only who has read the stream knows why."""
        with suppress(Refusal):
            append = self._decide(command, asker, context, [], known)
            verdict = self.log.append([append])[0] if append else None
            if append and isinstance(verdict, Appended):
                return self._done(append, verdict)
        return None

    def _decide(
        self, command: Command, asker: Asker, context: Context, recorded: Sequence[Recorded], known: Any
    ) -> Append | None:
        """The append that follows; None when nothing does."""
        aggregate = self.service.aggregate_of(type(command))
        if context.expected_version is not None and context.expected_version != len(recorded):
            raise Stale(expected=context.expected_version, actual=len(recorded))
        if known is None:
            known = aggregate.know(command, asker, self.reader)
        outcome = aggregate.decide(command, self._fold(aggregate, recorded), known)
        if not outcome:
            return None
        events = [item for item in outcome if isinstance(item, Event)]
        program = recorded[0].program if recorded else context.program
        return Append(
            stream=self._stream(command),
            expected_version=len(recorded),
            command_id=context.command_id,
            command_digest=self._digest(command),
            program=program,
            actor=asker.actor,
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            entries=tuple(self._entry(aggregate, command, context, *numbered) for numbered in enumerate(events)),
            claims=tuple(item for item in outcome if isinstance(item, Take | Release)),
        )

    def _entry(self, aggregate: Aggregate[Any], command: Command, context: Context, index: int, event: Event) -> Entry:
        event_id = derived_id(context.command_id, index)
        return Entry(
            event_id=event_id,
            type=event.type,
            schema_version=event.schema_version,
            subject=aggregate.subject(event),
            occurred_at=command.at,
            data=encode(event, event_id, self.sealer),
        )

    def _settle(
        self, command: Command, asker: Asker, context: Context, known: Any, append: Append, verdict: Verdict
    ) -> Done | Refusal:
        if isinstance(verdict, Appended):
            return self._done(append, verdict)
        if refusal := self._refusal(verdict):
            return refusal
        try:
            return self._decide_and_append(command, asker, context, known)
        except Refusal as late:
            return late

    def _refusal(self, verdict: Verdict) -> Refusal | None:
        """None where deciding again may help."""
        match verdict:
            case ClaimTaken(key):
                return self.service.taken.get(key.split(":", 1)[0], Taken)()
            case IdReused():
                return CommandReused()
            case _:
                return None

    def _done(self, append: Append, verdict: Appended) -> Done:
        """What follows where the directory stands, and was just written here, need not be looked through."""
        with self._caught_up:
            next_to_it = verdict.first == self._position + 1 and not self._parked
            if next_to_it and not any(one.type in self.heeded for one in append.entries):
                self._position = verdict.last
        written: Sequence[Entry | Recorded] = append.entries
        if verdict.repeated and self.service.replies:
            written = self.log.read(verdict.first - 1, verdict.last - verdict.first + 1)
        return Done(verdict.last, verdict.version, verdict.repeated, self._reply(written))

    def _repeated(self, command: Command, receipt: Receipt) -> Done:
        if not hmac.compare_digest(receipt.digest, self._digest(command)):
            raise CommandReused()
        written = self.log.read(receipt.first - 1, receipt.last - receipt.first + 1) if self.service.replies else ()
        return Done(receipt.last, receipt.version, True, self._reply(written))

    def _reply(self, written: Sequence[Entry | Recorded]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for kind, reply in self.service.replies.items():
            for one in written:
                if one.type == kind.type:
                    result |= reply(self._known.decode(one, self.sealer))
        return result

    def _digest(self, command: Command) -> bytes:
        """Of what was asked, not of when: a repeat may be sent later."""
        body = command.model_dump_json(exclude={"at"})
        return hmac.new(self._digest_key, f"{wire_name(type(command))}:{body}".encode(), hashlib.sha256).digest()

    def _stream(self, command: Command) -> str:
        aggregate = self.service.aggregate_of(type(command))
        return aggregate.stream(aggregate.commands[type(command)](command))

    def _fold(self, aggregate: Aggregate[S], recorded: Sequence[Recorded]) -> S:
        state = aggregate.initial
        for one in recorded:
            event = self._known.decode(one, self.sealer if aggregate.opened else None)
            if event is not None:
                state = aggregate.evolve(state, event)
        return state


def for_policy(context_of: Recorded, policy: str) -> Context:
    """The context of the command that `policy` sends because of an event."""
    return Context(
        command_id=derived_id(context_of.event_id, policy),
        correlation_id=context_of.correlation_id,
        causation_id=context_of.event_id,
        program=context_of.program,
        actor=f"system:{policy}",
    )

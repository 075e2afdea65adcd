"""Who asks, and how what they ask for is carried out and answered."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.gateway.answers import Accepted, Answer, respond
from services.gateway.parts import Gateway
from services.gateway.problems import correlation_of
from shared import clock
from shared.ids import NIL, derived_id, new_id
from shared.messages import Command
from shared.refusals import Unauthenticated
from shared.service import Context, Done

DEADLINE = timedelta(seconds=5)
PATIENCE_SECONDS = 2.0
ANONYMOUS = derived_id(NIL, "anonymous")


@dataclass(frozen=True)
class Member:
    """Somebody who is signed in."""

    gateway: Gateway
    person: UUID
    token: str


@dataclass(frozen=True)
class Sender:
    """Sends one request's command. The same `key` of the same `origin` is the same command, and makes the same ids."""

    gateway: Gateway
    origin: UUID
    token: str | None
    correlation_id: UUID
    key: str | None
    version: int | None

    @cached_property
    def command_id(self) -> UUID:
        return new_id() if self.key is None else derived_id(self.origin, self.key)

    @cached_property
    def at(self) -> datetime:
        return clock.now()

    def id_of_new(self, thing: str) -> UUID:
        return derived_id(self.command_id, thing)

    async def send(
        self, command: Command, *, program: UUID = NIL, seen: int = 0, new: bool = False, within: timedelta = DEADLINE
    ) -> Done:
        """`seen` is the position of what the command refers to. A `new` stream has no version to expect."""
        context = Context(
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            program=program,
            token=self.token,
            seen=seen,
            expected_version=None if new else self.version,
            new=new,
            deadline=self.at + within,
        )
        return await self.gateway.bus.send(_service_of(command), command, context)

    async def answer(
        self,
        done: Done,
        where: str,
        read: Callable[[], Answer] | Callable[[], Coroutine[Any, Any, Answer]],
        *,
        created: bool = False,
        patience: float | None = None,
    ) -> Response:
        """What the command has made of the resource at the path `where`, as soon as the views show it. A `read` that is
        no coroutine is done in a thread."""
        if not await self.gateway.progress.wait(done.position, patience or PATIENCE_SECONDS):
            return respond(Accepted(position=done.position, location=where), 202, location=where)
        answer: Any = await (read() if iscoroutinefunction(read) else run_in_threadpool(read))
        return respond(answer, 201 if created else 200, location=where if created else None)


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


class _Membership(HTTPBearer):
    """Whoever the request's token was made for. A dependency of its own for the token would double what it costs."""

    async def __call__(self, request: Request) -> Member:  # type: ignore[override]
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated()
        gateway = gateway_of(request)
        person = gateway.verify(token).person
        if person is None:
            raise Unauthenticated()
        await gateway.standing.require(person)
        return Member(gateway, person, token)


_member = _Membership(scheme_name="HTTPBearer", description="The access_token of a session.")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Chosen by the client: the same key again has its effect once and gets the first answer.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|(W/)?"[0-9]{1,9}")$',
        description="The ETag that was read: refused with 412 when it has moved on.",
    ),
]


async def _sender(
    request: Request, member: Annotated[Member, Depends(_member)], key: Key = None, match: IfMatch = None
) -> Sender:
    return Sender(member.gateway, member.person, member.token, correlation_of(request), key, _version(match))


async def _visitor(request: Request, key: Key = None) -> Sender:
    origin = derived_id(ANONYMOUS, request.url.path)
    return Sender(gateway_of(request), origin, None, correlation_of(request), key, None)


SignedIn = Annotated[Member, Depends(_member)]
Sending = Annotated[Sender, Depends(_sender)]
Visiting = Annotated[Sender, Depends(_visitor)]


def _version(match: str | None) -> int | None:
    return None if match is None or match == "*" else int(match.removeprefix("W/").strip('"'))


def _service_of(command: Command) -> str:
    """`services.matching.commands.AcceptRequest` is for matching."""
    return type(command).__module__.split(".")[1]

"""What a service is made of, whichever way it is hosted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from shared.ids import NIL
from shared.log import Claim, Recorded
from shared.messages import Catalogue, Command, Event
from shared.naming import snake_case
from shared.projection import View
from shared.refusals import Refusal

if TYPE_CHECKING:
    from shared.runtime import Reader, Runtime


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a person, a policy (`system:<policy>`), or nobody (`anonymous`)."""

    actor: str = "anonymous"

    @property
    def person(self) -> UUID | None:
        return None if self.actor == "anonymous" or self.is_system else UUID(self.actor)

    @property
    def is_system(self) -> bool:
        return self.actor.startswith("system:")


@dataclass(frozen=True, slots=True)
class Context:
    """What travels with a command.

    `token` is the asker's own (identity signed it); `actor` is trusted only inside a service, for its policies.
    `seen` is the log position that the sender has seen of what it refers to; `expected_version` the stream's version
    it decided on. A `new` stream, whose id was just made, need not be read to decide: should it be there after all, the
    log refuses the append. `deadline` is when the sender stops waiting.
    """

    command_id: UUID
    correlation_id: UUID
    program: UUID = NIL
    token: str | None = None
    actor: str | None = None
    causation_id: UUID | None = None
    seen: int = 0
    expected_version: int | None = None
    new: bool = False
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A command's effect: the last position that it wrote (0: it changed nothing) and its stream's version.

    `result` is what the asker is told beyond that: JSON values.
    """

    position: int = 0
    version: int = 0
    repeated: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)


Outcome = Sequence[Event | Claim]

S = TypeVar("S")


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """One kind of stream and the rules that it is decided by.

    `commands` says for each command which stream it is for. `decide(command, state, known)` gives the events that
    follow, with the claims they take or release, or raises a `Refusal`; `known` is what `know(command, asker, reader)`
    found out before: who asks, and what the directory says. All but `know` are pure. `subject` tells what an event
    belongs to beyond its own stream. Personal values stay sealed in the state unless it is `opened`.
    """

    category: str
    initial: S
    evolve: Callable[[S, Any], S]
    decide: Callable[[Any, S, Any], Outcome]
    commands: Mapping[type[Command], Callable[[Any], UUID]]
    know: Callable[[Any, Asker, "Reader"], Any] = lambda command, asker, reader: asker
    subject: Callable[[Any], UUID | None] = lambda event: None
    opened: bool = False

    def stream(self, identity: UUID) -> str:
        return f"{self.category}-{identity}"


Procedure = Callable[["Runtime", Any, Asker, Context], Done]
Policy = Callable[[Any, Recorded], Command | None]


@dataclass(frozen=True)
class Service:
    """A bounded context.

    - `events`: the module of what it publishes.
    - `aggregates`: what its commands decide on. `procedures`: commands that are more, or less, than one decision.
    - `replies`: what the asker is told when its command recorded such an event.
    - `taken`: a claim's prefix (up to the first colon) → the refusal when it is taken.
    - `heard`: the types of foreign events that it reads. `directory`: what it remembers of those and of its own.
    - `policies`: an event → the commands that follow from it; a policy is known by its function's name.
    - `install`: makes what it keeps beside the log and the directory.
    """

    name: str
    events: ModuleType
    aggregates: Sequence[Aggregate[Any]] = ()
    procedures: Mapping[type[Command], Procedure] = field(default_factory=dict)
    replies: Mapping[type[Event], Callable[[Any], Mapping[str, Any]]] = field(default_factory=dict)
    taken: Mapping[str, type[Refusal]] = field(default_factory=dict)
    heard: Sequence[ModuleType | type[Event]] = ()
    directory: Sequence[View] = ()
    policies: Mapping[type[Event], Sequence[Policy]] = field(default_factory=dict)
    install: Callable[[], None] = lambda: None

    @property
    def commands(self) -> dict[str, type[Command]]:
        """Each command under its name on the wire: AcceptRequest is `accept_request`."""
        kinds = [kind for aggregate in self.aggregates for kind in aggregate.commands] + list(self.procedures)
        return {wire_name(kind): kind for kind in kinds}

    @property
    def catalogue(self) -> Catalogue:
        """Everything that it can read: its own events and those heard."""
        return Catalogue(self.events, *self.heard)

    def aggregate_of(self, command: type[Command]) -> Aggregate[Any]:
        return next(aggregate for aggregate in self.aggregates if command in aggregate.commands)


def wire_name(command: type[Command]) -> str:
    return snake_case(command.__name__)

"""Why a command was not carried out.

Refusal
├── Invalid          what was asked makes no sense, whatever the state
├── Unauthenticated  nobody, or nobody known, asked
├── Forbidden        the asker may see this but not do it
├── NotFound         there is no such thing, or not for the asker
├── Conflict         the state does not allow it
├── Gone             it was there and will not come back
├── Stale            it was decided on a version that is no longer the last one
├── Throttled        too often; `retry_after` tells in how many seconds it may be tried again
└── Unavailable      something it needs is down or behind; the same command may be sent again

A subclass names one rule; its `code` is its own name in snake case and never changes once published. Anything else that
is raised is a bug.
"""

from typing import Any, ClassVar

from shared.naming import snake_case


class Refusal(Exception):
    """`detail` is a sentence for a person; `facts` are JSON values for a program."""

    kind: ClassVar[str]
    code: str

    def __init_subclass__(cls) -> None:
        cls.code = snake_case(cls.__name__)
        if cls.__base__ is Refusal:
            cls.kind = cls.code

    def __init__(self, detail: str = "", **facts: Any) -> None:
        self.detail = detail or (self.__doc__ or self.code).strip().splitlines()[0]
        super().__init__(self.detail)
        self.facts = facts

    def to_wire(self) -> dict[str, Any]:
        return {"kind": self.kind, "code": self.code, "detail": self.detail, "facts": self.facts}

    @staticmethod
    def from_wire(wire: dict[str, Any]) -> "Refusal":
        """The refusal as its kind: whoever reads the wire knows kinds and codes, not the rule's class."""
        kinds = {kind.kind: kind for kind in Refusal.__subclasses__()}
        refusal = kinds[wire["kind"]](wire["detail"], **wire["facts"])
        refusal.code = wire["code"]
        return refusal


class Invalid(Refusal):
    """The command is not valid."""


class Unauthenticated(Refusal):
    """Sign in first."""


class Forbidden(Refusal):
    """You may not do this."""


class NotFound(Refusal):
    """There is no such thing."""


class Conflict(Refusal):
    """The present state does not allow this."""


class Gone(Refusal):
    """This is no longer available."""


class Stale(Refusal):
    """Somebody else was faster: read again, then decide again."""


class Throttled(Refusal):
    """Too many attempts: wait a while."""


class Unavailable(Refusal):
    """A part of the platform does not answer: try again shortly."""


class NotReady(Unavailable):
    """This service has not yet heard of what the command refers to: try again shortly."""


class CommandReused(Conflict):
    """This id was used before for another command."""


class Taken(Conflict):
    """Somebody else holds this already."""

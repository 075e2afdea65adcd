"""How a command reaches its service: by RPC over the broker, or directly in the embedded platform."""

from typing import Protocol

from shared.messages import Command
from shared.service import Context, Done


class CommandBus(Protocol):
    async def send(self, service: str, command: Command, context: Context) -> Done:
        """Raises the service's `Refusal`; `Unavailable` when it does not answer within the context's deadline."""
        ...

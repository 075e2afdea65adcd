"""A service at work on a log in memory: for tests of more than its domain."""

from uuid import UUID

from shared import clock
from shared.ids import NIL, new_id
from shared.log import Append, Entry, Recorded, open_log
from shared.messages import Command, Event, encode
from shared.parts import Parts
from shared.runtime import Runtime
from shared.service import Asker, Context, Done, Service
from shared.subscription import Subscription
from shared.vault import Vault


class Hosted:
    """Sends commands as one person or another, and lets the service hear what happened."""

    def __init__(self, service: Service, parts: Parts) -> None:
        self.log = open_log("memory:")
        parts.vault.install()
        service.install()
        self.vault: Vault = parts.vault
        self.runtime = Runtime(service, self.log, parts.database, parts.vault, parts.keys.digest, Asker)
        with parts.database.begin() as connection:
            self.runtime.install(connection)
        self.subscription = Subscription(self.runtime)

    def hear(self) -> None:
        self.subscription.catch_up()

    def told(self, event: Event, *, program: UUID = NIL, subject: UUID | None = None) -> Recorded:
        """As if another service had written `event`; this service hears it at once."""
        event_id = new_id()
        data = encode(event, event_id, self.vault)
        entry = Entry(event_id, event.type, event.schema_version, subject, clock.now(), data)
        append = Append(f"foreign-{event_id}", 0, event_id, b"", program, "foreign", event_id, None, (entry,))
        position = self.log.head().position
        self.log.append([append])
        self.hear()
        return self.log.read(position, 1)[0]

    def send(
        self,
        command: Command,
        by: UUID | str,
        *,
        program: UUID = NIL,
        command_id: UUID | None = None,
        version: int | None = None,
        new: bool = False,
    ) -> Done:
        """`by` a person's id, or `system:<policy>`."""
        context = Context(
            command_id=command_id or new_id(),
            correlation_id=new_id(),
            program=program,
            actor=str(by),
            expected_version=version,
            new=new,
        )
        return self.runtime.handle(command, context)

"""A programme: who coordinates it, what was imported into it, and whom its webhooks tell."""

from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from services.identity.commands import (
    CreateProgram,
    EnableWebhook,
    ImportRoster,
    RegisterWebhook,
    RemoveWebhook,
    ReplayWebhook,
)
from services.identity.events import (
    ProgramCreated,
    RejectedRow,
    RosterImported,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
    WebhookReplayRequested,
)
from shared.addresses import is_literal, is_public
from shared.refusals import Conflict, Forbidden, Invalid, NotFound
from shared.service import Asker

WEBHOOKS_AT_MOST = 20


class OnlyCoordinators(Forbidden):
    """Only a coordinator can create programmes."""


class ProgramExists(Conflict):
    """There is a programme under this id."""


class ProgramUnknown(NotFound):
    """There is no such programme."""


class WebhookUnknown(NotFound):
    """There is no such webhook."""


class WebhookExists(Conflict):
    """There is a webhook under this id."""


class TooManyWebhooks(Conflict):
    """A programme has twenty webhooks at the most."""


class EndpointNotPublic(Invalid):
    """A webhook's URL begins with https and leads into the public internet."""


@dataclass(frozen=True)
class NoProgram:
    pass


@dataclass(frozen=True)
class Created:
    """`rejected` are the bad rows that imports have reported so far."""

    coordinator_id: UUID
    rejected: frozenset[RejectedRow] = frozenset()
    webhooks: frozenset[UUID] = frozenset()


Program = NoProgram | Created
ProgramCommand = CreateProgram | ImportRoster | RegisterWebhook | RemoveWebhook | EnableWebhook | ReplayWebhook
ProgramEvent = (
    ProgramCreated | RosterImported | WebhookRegistered | WebhookRemoved | WebhookEnabled | WebhookReplayRequested
)


@dataclass(frozen=True)
class Founder:
    """Who wants to create a programme."""

    asker: Asker
    is_coordinator: bool


@dataclass(frozen=True)
class Subscriber:
    """Who looks after webhooks, and whether those may lead to private addresses and plain HTTP."""

    asker: Asker
    private: bool = False


@dataclass(frozen=True)
class Report:
    """What an import did to each row of the file."""

    asker: Asker
    added: int
    changed: int
    unchanged: int
    rejected: tuple[RejectedRow, ...]


def evolve(state: Program, event: ProgramEvent) -> Program:
    if isinstance(event, ProgramCreated):
        return Created(event.coordinator_id)
    return state if isinstance(state, NoProgram) else _evolve(state, event)


def _evolve(
    state: Created,
    event: RosterImported | WebhookRegistered | WebhookRemoved | WebhookEnabled | WebhookReplayRequested,
) -> Created:
    match event:
        case RosterImported():
            return replace(state, rejected=state.rejected | {*event.rejected})
        case WebhookRegistered():
            return replace(state, webhooks=state.webhooks | {event.webhook_id})
        case WebhookRemoved():
            return replace(state, webhooks=state.webhooks - {event.webhook_id})
        case WebhookEnabled() | WebhookReplayRequested():
            return state
        case _:
            assert_never(event)


def told(report: Report | RosterImported) -> dict[str, Any]:
    """What the asker is told of an import: JSON values."""
    return {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": [row.model_dump() for row in report.rejected],
    }


def coordinated(state: Program, asker: Asker) -> Created:
    """The programme, for its coordinator; for anybody else there is none."""
    if isinstance(state, Created) and state.coordinator_id == asker.person:
        return state
    raise ProgramUnknown()


def decide(command: ProgramCommand, state: Program, known: Founder | Report | Subscriber) -> list[ProgramEvent]:
    match command, known:
        case CreateProgram(), Founder():
            return _create(command, state, known)
        case ImportRoster(), Report():
            return _record_import(command, coordinated(state, known.asker), known)
        case RegisterWebhook(), Subscriber():
            return _register(command, coordinated(state, known.asker), known)
        case ((RemoveWebhook() | EnableWebhook() | ReplayWebhook()), Subscriber()):
            return _look_after(command, coordinated(state, known.asker))
    raise AssertionError(command)


def _create(command: CreateProgram, state: Program, founder: Founder) -> list[ProgramEvent]:
    person_id = founder.asker.person
    if person_id is None or not founder.is_coordinator:
        raise OnlyCoordinators()
    if isinstance(state, Created):
        raise ProgramExists()
    return [ProgramCreated(program_id=command.program_id, name=command.name, coordinator_id=person_id)]


def _record_import(command: ImportRoster, program: Created, report: Report) -> list[ProgramEvent]:
    """Worth a line in the programme's history only if it brought something new."""
    if not (report.added or report.changed or set(report.rejected) - program.rejected):
        return []
    return [
        RosterImported(
            program_id=command.program_id,
            import_id=command.import_id,
            added=report.added,
            changed=report.changed,
            unchanged=report.unchanged,
            rejected=report.rejected,
        )
    ]


def _register(command: RegisterWebhook, program: Created, subscriber: Subscriber) -> list[ProgramEvent]:
    host = command.url.host or ""
    if not subscriber.private and (command.url.scheme != "https" or (is_literal(host) and not is_public(host))):
        raise EndpointNotPublic()
    if command.webhook_id in program.webhooks:
        raise WebhookExists()
    if len(program.webhooks) >= WEBHOOKS_AT_MOST:
        raise TooManyWebhooks()
    return [
        WebhookRegistered(
            program_id=command.program_id,
            webhook_id=command.webhook_id,
            registered_by=program.coordinator_id,
            url=str(command.url),
            types=command.types,
        )
    ]


def _look_after(command: RemoveWebhook | EnableWebhook | ReplayWebhook, program: Created) -> list[ProgramEvent]:
    if command.webhook_id not in program.webhooks:
        raise WebhookUnknown()
    ids = {"program_id": command.program_id, "webhook_id": command.webhook_id}
    match command:
        case RemoveWebhook():
            return [WebhookRemoved(**ids)]
        case EnableWebhook():
            return [WebhookEnabled(**ids)]
        case ReplayWebhook():
            return [WebhookReplayRequested(**ids, from_position=command.from_position)]
        case _:
            assert_never(command)

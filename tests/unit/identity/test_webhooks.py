from uuid import UUID, uuid4

import pytest
from pydantic import AnyHttpUrl, ValidationError
from standardwebhooks import Webhook

from services.identity.aggregates import PROGRAM
from services.identity.commands import EnableWebhook, RegisterWebhook, RemoveWebhook, ReplayWebhook
from services.identity.domain.program import (
    WEBHOOKS_AT_MOST,
    EndpointNotPublic,
    ProgramUnknown,
    Subscriber,
    TooManyWebhooks,
    WebhookExists,
    WebhookUnknown,
)
from services.identity.events import (
    ProgramCreated,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
    WebhookReplayRequested,
)
from shared import clock, standard_webhooks
from shared.messages import Command
from shared.parts import Parts
from shared.service import Asker
from tests.hosted import Hosted
from tests.scenario import Scenario
from tests.unit.identity.people import COORDINATOR

ADA, GRACE = uuid4(), uuid4()
PROGRAM_ID, WEBHOOK = uuid4(), uuid4()
IDS = {"program_id": PROGRAM_ID, "webhook_id": WEBHOOK}
URL = "https://receiver.example.org/hook?key=secret"


def register(url: str = URL, webhook_id: UUID = WEBHOOK, types: tuple[str, ...] = ()) -> RegisterWebhook:
    return RegisterWebhook(
        program_id=PROGRAM_ID, webhook_id=webhook_id, url=AnyHttpUrl(url), types=types, at=clock.now()
    )


def registered(webhook_id: UUID = WEBHOOK, types: tuple[str, ...] = ()) -> WebhookRegistered:
    return WebhookRegistered(program_id=PROGRAM_ID, webhook_id=webhook_id, registered_by=ADA, url=URL, types=types)


created = Scenario(PROGRAM).given(ProgramCreated(program_id=PROGRAM_ID, name="Analytical engines", coordinator_id=ADA))
adas = created.knowing(Subscriber(Asker(str(ADA))))
with_one = adas.given(registered())
remove = RemoveWebhook(**IDS, at=clock.now())
enable = EnableWebhook(**IDS, at=clock.now())
replay = ReplayWebhook(**IDS, from_position=7, at=clock.now())


def test_a_programmes_coordinator_registers_a_webhook() -> None:
    adas.when(register(types=("matching.*",))).then(registered(types=("matching.*",)))


def test_it_is_replayed_enabled_and_removed() -> None:
    with_one.when(replay).then(WebhookReplayRequested(**IDS, from_position=7))
    with_one.when(enable).then(WebhookEnabled(**IDS))
    with_one.when(remove).then(WebhookRemoved(**IDS)).when(remove).refuses(WebhookUnknown)


@pytest.mark.parametrize("command", [replay, enable, remove])
def test_one_that_is_not_there_is_unknown(command: Command) -> None:
    adas.when(command).refuses(WebhookUnknown)


@pytest.mark.parametrize("command", [register(), replay, enable, remove])
def test_for_anybody_else_there_is_no_programme(command: Command) -> None:
    with_one.knowing(Subscriber(Asker(str(GRACE)))).when(command).refuses(ProgramUnknown)
    Scenario(PROGRAM).knowing(Subscriber(Asker(str(ADA)))).when(command).refuses(ProgramUnknown)


def test_an_id_is_used_once_and_a_programme_has_so_many() -> None:
    with_one.when(register()).refuses(WebhookExists)
    full = adas.given(*(registered(uuid4()) for _ in range(WEBHOOKS_AT_MOST)))
    full.when(register()).refuses(TooManyWebhooks)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example.org/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
    ],
)
def test_it_leads_into_the_public_internet_over_https(url: str) -> None:
    adas.when(register(url)).refuses(EndpointNotPublic)
    inside = adas.knowing(Subscriber(Asker(str(ADA)), private=True)).when(register(url))
    assert inside.refusal is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://receiver.example.org/",
        "https://ada:password@receiver.example.org/",
        "https://ada@receiver.example.org/",
        "https://receiver.example.org/#part",
        "https://",
        "receiver.example.org",
        f"https://receiver.example.org/{'a' * 2000}",
        f"https://receiver.example.org/{'ä' * 500}",
    ],
)
def test_a_url_that_is_none_or_carries_a_password_is_not_taken(url: str) -> None:
    with pytest.raises(ValidationError):
        RegisterWebhook.model_validate({**IDS, "url": url, "at": clock.now()})


@pytest.mark.parametrize("pattern", ["*", "matching", "matching.", "matching.a*", "Matching.x", "a.b.c"])
def test_types_are_named_whole_or_by_service(pattern: str) -> None:
    with pytest.raises(ValidationError):
        RegisterWebhook.model_validate({**IDS, "url": URL, "types": [pattern], "at": clock.now()})


def test_the_secret_is_answered_and_url_and_secret_are_not_in_the_log(
    hosted: Hosted, program: UUID, parts: Parts
) -> None:
    command = register().model_copy(update={"program_id": program})
    command_id = uuid4()
    done = hosted.send(command, COORDINATOR, command_id=command_id)
    secret = done.result["secret"]
    assert secret == standard_webhooks.written(standard_webhooks.secret_of(parts.keys.digest, WEBHOOK))
    Webhook(secret)
    assert hosted.send(command, COORDINATOR, command_id=command_id).result["secret"] == secret
    [recorded] = hosted.log.read(done.position - 1, 1)
    assert "example.org" not in recorded.data
    assert secret.removeprefix("whsec_") not in recorded.data

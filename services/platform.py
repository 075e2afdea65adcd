"""Puts the platform together: which services there are, how what they need is installed, and the embedded whole."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.assembly import OWNERS, READERS, SERVICES, assemble
from services.gateway.app import create_app
from services.gateway.following import Progress, follow
from services.gateway.parts import Gateway
from services.gateway.views import projections
from services.identity.commands import AppointCoordinator
from services.identity.erasing import reapply_heard
from services.webhooks import service as webhooks
from services.webhooks.ledger import delivery_of
from shared import clock, deadlines, relay
from shared.blobs import BlobFolder, open_blobs
from shared.bus import CommandBus
from shared.database import install_owner
from shared.embedded import DirectBus, Loops, hear
from shared.ids import NIL, derived_id
from shared.keys import PROOF, KeysMissing, make_keys, pem_of
from shared.log import install_log
from shared.logins import install_logins
from shared.masters import Masters
from shared.parts import Parts
from shared.proofs import Notary, Proofs
from shared.runtime import Runtime
from shared.service import Context
from shared.settings import Settings
from shared.tokens import key_set

COORDINATOR_EMAIL = "coordinator@example.org"
COORDINATOR_PASSWORD = "coordinator-password"  # noqa: S105 - a file's name


def install(settings: Settings) -> None:
    """Makes whatever is missing: keys, schemas, tables, buckets, the first coordinator. Repeating it is harmless.

    Raises `KeysMissing` when there is a log but no keys to read it with.
    """
    administrator = settings.admin_database_url or settings.database_url
    for owner in OWNERS:
        install_owner(administrator, owner)
    install_log(administrator, SERVICES, READERS)
    install_logins(settings.database_url, administrator, OWNERS)
    host = Parts(settings, "views")
    if not Masters(settings.secrets_dir).ids() and host.log.head().position:
        raise KeysMissing(f"there is a log, but not its keys: restore {settings.secrets_dir}")
    proofs = Proofs(host.of("proof").database)
    proofs.install()
    if proofs.newest() and not (settings.secrets_dir / PROOF).exists():
        raise KeysMissing(f"heads of the log were signed, but the key is gone: restore {settings.secrets_dir / PROOF}")
    make_keys(settings.secrets_dir)
    keeper = Parts(settings, "vault")
    keeper.vault.install(OWNERS)
    keeper.close()
    with host.database.begin() as connection:
        for projection in projections(host.vault):
            projection.install(connection)
    relay.install(host.of("relay").database)
    webhooks.install(host.of("webhooks"))
    for name in SERVICES:
        parts = Parts(settings, name)
        service = assemble(name, parts)
        service.install()
        runtime = parts.runtime(service)
        with parts.database.begin() as connection:
            runtime.install(connection)
        if name == "identity":
            _appoint_coordinator(runtime, settings)
            reapply_heard(runtime, parts.vault)  # where the key store is a backup's, from before an erasure
        parts.close()


def coordinator(settings: Settings) -> tuple[str, Path]:
    """The first coordinator's e-mail, and the file with the password where none was set."""
    return settings.coordinator_email or COORDINATOR_EMAIL, settings.secrets_dir / COORDINATOR_PASSWORD


@contextmanager
def embedded(settings: Settings) -> Iterator[FastAPI]:
    """The whole platform in this process; its loops end with the context."""
    install(settings)
    host = Parts(settings, "views")
    runtimes = {name: (parts := host.of(name)).runtime(assemble(name, parts)) for name in SERVICES}
    views = projections(host.vault)
    progress = Progress()
    loops = Loops()
    loops.start("views", partial(follow, host.log, host.database, views, loops.stop, progress.advance))
    for name, runtime in runtimes.items():
        loops.start(f"{name} hearing", partial(hear, runtime, host.log, loops.stop))
        loops.start(f"{name} deadlines", partial(deadlines.keep, runtime, loops.stop))
    loops.start("proof", partial(Notary(host.of("proof").database, host.keys.proof()).keep, host.log, loops.stop))
    loops.start("webhooks", partial(webhooks.Webhooks(host.of("webhooks")).run, loops.stop))
    try:
        blobs = open_blobs(settings, host.keys)
        yield create_app(gateway(host, DirectBus(runtimes), progress, blobs))
    finally:
        loops.end()
        host.close()


def gateway(parts: Parts, bus: CommandBus, progress: Progress, blobs: BlobFolder | None = None) -> Gateway:
    return Gateway(
        settings=parts.settings,
        bus=bus,
        database=parts.database,
        log=parts.log,
        vault=parts.vault,
        verify=parts.verify,
        jwks=key_set(parts.keys.verifying()),
        progress=progress,
        delivery=partial(delivery_of, parts.of("webhooks").database),
        proofs=Proofs(parts.of("proof").database),
        proof_key=pem_of(parts.keys.proof_public()),
        blobs=blobs,
    )


def _appoint_coordinator(runtime: Runtime, settings: Settings) -> None:
    email, file = coordinator(settings)
    password = settings.coordinator_password
    if password is None:
        if not file.exists():
            file.write_text(secrets.token_urlsafe(12))
            file.chmod(0o600)
        password = file.read_text()
    command_id = derived_id(NIL, "first coordinator", email.strip().casefold())
    command = AppointCoordinator(person_id=command_id, email=email, password=password, at=clock.now())
    runtime.handle(command, Context(command_id, correlation_id=command_id, actor="system:init"))

"""Logs that are full: of plausible relationships, as many events as `BENCH_EVENTS` says."""

import os
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import Engine

from bench.generator import fill
from bench.place import Place, plain
from services.gateway.views import projections
from shared.database import install_owner, open_database, writing
from shared.keys import make_keys
from shared.log import EventLog, install_log, open_log
from shared.masters import Masters
from shared.projection import Projection
from shared.vault import Vault, open_keys

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
OWNERS = ("views", "vault")


@dataclass
class FullLog:
    """A log of so many events, and views that claim to cover it: a rebuild makes it true."""

    url: str
    secrets: Path
    vault: Vault

    @cached_property
    def log(self) -> EventLog:
        return open_log(self.url)

    @cached_property
    def database(self) -> Engine:
        return open_database(self.url, "views")

    @cached_property
    def views(self) -> tuple[Projection, ...]:
        return projections(self.vault)

    def close(self) -> None:
        self.log.close()
        self.database.dispose()
        self.vault.close()

    def grow(self, events: int, *, seed: int = 1, talkative: int = 45) -> None:
        fill(self.url, self.vault, events, seed=seed, talkative=talkative)
        with writing(self.database) as connection:
            for projection in self.views:
                projection.install(connection)
                projection.move(connection, self.log.head().position)

    def relationships(self) -> list[UUID]:
        """Some, spread over the whole log."""
        query = "SELECT subject FROM log.events WHERE type = 'matching.mentor_requested' ORDER BY event_id LIMIT 200"
        with psycopg.connect(plain(self.url)) as connection:
            return [subject for (subject,) in connection.execute(query)]


def full_log(place: Place, events: int = EVENTS, *, talkative: int = 45) -> FullLog:
    url, secrets = place.database(), place.folder() / "secrets"
    for owner in OWNERS:
        install_owner(url, owner)
    install_log(url, readers=["views"])
    make_keys(secrets)
    vault = Vault(open_keys(url), Masters(secrets))
    vault.install()
    full = place.keep(closing(FullLog(url, secrets, vault)))
    full.grow(events, talkative=talkative)
    return full

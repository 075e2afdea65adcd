"""What a process is put together from."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from shared.database import open_database, owner_url
from shared.keys import Keys, load_keys
from shared.log import EventLog, open_log
from shared.runtime import Runtime
from shared.service import Service
from shared.settings import Settings
from shared.tokens import Verifier
from shared.vault import Vault


@dataclass(frozen=True)
class Parts:
    """Opened on first use, as the process's owner: `identity`, `views`, `relay` …"""

    settings: Settings
    owner: str

    @cached_property
    def keys(self) -> Keys:
        return load_keys(self.settings.secrets_dir)

    @cached_property
    def database(self) -> Engine:
        return open_database(self.settings.database_url, self.owner)

    @cached_property
    def log(self) -> EventLog:
        url = self.settings.database_url
        owner = "log" if url.startswith("sqlite") else self.owner
        return open_log(owner_url(url, owner))

    @cached_property
    def vault(self) -> Vault:
        return Vault(open_database(self.settings.database_url, "vault"), self.keys.master)

    @cached_property
    def verify(self) -> Verifier:
        return Verifier(self.keys.verifying())

    def runtime(self, service: Service) -> Runtime:
        return Runtime(service, self.log, self.database, self.vault, self.keys.digest, self.verify)

"""What a process is put together from."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from shared.database import log_url, open_database
from shared.keys import Keys, load_keys
from shared.log import EventLog, open_log
from shared.runtime import Runtime
from shared.service import Service
from shared.settings import Settings
from shared.tokens import Verifier
from shared.vault import Vault, open_vault


@dataclass(frozen=True)
class Parts:
    """Opened on first use, as the process's owner: `identity`, `views`, `relay` …

    Owners that live in one process share log, vault and keys: those of the `host`.
    """

    settings: Settings
    owner: str
    host: "Parts | None" = None

    def of(self, owner: str) -> "Parts":
        """The parts of another owner in this process."""
        return Parts(self.settings, owner, self)

    @cached_property
    def database(self) -> Engine:
        return open_database(self.settings.database_url, self.owner)

    @cached_property
    def keys(self) -> Keys:
        return self.host.keys if self.host else load_keys(self.settings.secrets_dir)

    @cached_property
    def log(self) -> EventLog:
        return self.host.log if self.host else open_log(log_url(self.settings.database_url, self.owner))

    @cached_property
    def vault(self) -> Vault:
        if self.host:
            return self.host.vault
        return open_vault(self.settings.database_url, self.owner, self.keys.masters)

    @cached_property
    def verify(self) -> Verifier:
        return self.host.verify if self.host else Verifier(self.keys.verifying())

    def runtime(self, service: Service) -> Runtime:
        return Runtime(service, self.log, self.database, self.vault, self.keys.digest, self.verify)

    def close(self) -> None:
        if "log" in self.__dict__ and not self.host:
            self.log.close()
        if "vault" in self.__dict__ and not self.host:
            self.vault.close()
        if "database" in self.__dict__:
            self.database.dispose()

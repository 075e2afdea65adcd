"""What the gateway is put together from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row

from services.gateway.following import Progress
from services.gateway.standing import Standing
from shared.blobs import BlobFolder
from shared.bus import CommandBus
from shared.log import EventLog
from shared.lookup import Lookup, open_lookup
from shared.proofs import Proofs
from shared.service import Asker
from shared.settings import Settings
from shared.vault import Vault


@dataclass(frozen=True)
class Gateway:
    """`database` holds the views; `progress` tells how far they are. `verify` turns a token into its asker.

    `jwks` is the published set of the keys that tokens are signed with. `delivery`: how a webhook's goes; None where
    it has not begun. `proof_key`: the public one, in PEM, that the log's heads are signed with. `blobs`: the folder
    that stands in for the object store, where there is none.
    """

    settings: Settings
    bus: CommandBus
    database: Engine
    log: EventLog
    vault: Vault
    verify: Callable[[str], Asker]
    jwks: Mapping[str, Any]
    progress: Progress
    delivery: Callable[[UUID], Row[Any] | None]
    proofs: Proofs
    proof_key: str
    blobs: BlobFolder | None = None

    @cached_property
    def lookup(self) -> Lookup:
        return open_lookup(self.database)

    @cached_property
    def standing(self) -> Standing:
        return Standing(self.database)

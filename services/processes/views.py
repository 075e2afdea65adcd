"""Keeps the gateway's tables up with the log, and beside it the hash tree whose heads are signed."""

from functools import partial
from threading import Thread

from services.gateway.following import Trouble, checkpoint, follow
from services.gateway.views import projections
from services.processes import prepared, until_told
from shared import telemetry
from shared.looping import keep_going
from shared.parts import Parts
from shared.proofs import Notary


def start(process: str) -> None:
    """Until SIGTERM."""
    settings = prepared(process)
    parts = Parts(settings, "views")
    views = projections(parts.vault)
    trouble = Trouble()

    def ready() -> bool:
        return trouble.at is None and checkpoint(parts.database, views) >= 0

    telemetry.serve(settings.metrics_host, settings.metrics_port, ready)
    stop = until_told()
    proof = parts.of("proof")
    notary = Notary(proof.database, parts.keys.proof())
    signing = Thread(target=keep_going, args=("proof", partial(notary.keep, parts.log, stop), stop), name="proof")
    signing.start()
    follow(parts.log, parts.database, views, stop, trouble=trouble)
    signing.join()
    proof.close()
    parts.close()

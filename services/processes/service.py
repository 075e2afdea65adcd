"""One of the five services. Its green threads are prepared before this is imported."""

from services.assembly import assemble
from services.processes import prepared
from shared import hosting
from shared.parts import Parts


def start(process: str) -> None:
    """Until SIGTERM."""
    parts = Parts(prepared(process), process)
    hosting.host(parts, assemble(process, parts))

"""Examine the log: whole, readable, and the views what it says. Status 0 whole, 1 broken, 2 could not look: for cron.

Every position is read once, in order: dense, each hash over the one before, of a type and version that this release
reads, and what was there when a head was signed. Then every view is compared with its rebuild. The first bad position
is named; what people wrote is never shown.
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from services.gateway import rebuild
from services.gateway.views import projections
from services.progress import ProgressBar
from services.registry import CATALOGUE
from services.surroundings import settings_or_embedded
from shared.examining import AgainstHeads
from shared.log import Recorded
from shared.log.hashing import Broken, verify
from shared.messages import VersionUnknown
from shared.parts import Parts
from shared.proofs import Proofs


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--log-only", action="store_true", help="the views are not compared")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(log_only: bool, folder: Path) -> int:
    try:
        parts = Parts(settings_or_embedded(folder), "views")
        try:
            found = [_log(parts)]
            if not log_only:
                found.append(_views(parts))
        finally:
            parts.close()
    except (Exception, SystemExit) as error:
        print(f"could not look: {str(error) or type(error).__name__}", file=sys.stderr)
        return 2
    return 0 if all(found) else 1


def _log(parts: Parts) -> bool:
    """Whether all of it is as it was recorded and signed, and can be read."""
    proof = parts.of("proof")
    heads = AgainstHeads(Proofs(proof.database), parts.keys.proof_public())
    examiner = Examiner(parts.log.head().position, heads)
    began = time.perf_counter()
    chain = verify(parts.log, see=examiner)
    seconds = time.perf_counter() - began
    examiner.bar.end()
    if isinstance(chain, Broken):
        print(f"log    broken at position {chain.position}: {chain.reason}")
    else:
        heads.end(chain.head.position)
        rate = chain.head.position / seconds
        print(f"log    {chain.head.position} events, dense and chained, in {seconds:.2f} s ({rate:,.0f} events/s)")
    print(f"types  {examiner.unreadable or 'every event can be read'}")
    print(f"heads  {heads.fault or f'{heads.agreed} signed heads agree, the last one over {heads.covered} events'}")
    proof.close()
    return not isinstance(chain, Broken) and examiner.unreadable is None and heads.fault is None


def _views(parts: Parts) -> bool:
    bar = ProgressBar("events folded")
    report = rebuild.verify(parts.log, parts.database, projections(parts.vault), watch=bar)
    bar.end()
    verdict = "every view equals its rebuild" if report.equal else f"differing: {', '.join(report.differing)}"
    print(f"views  {verdict}, as of position {report.events}")
    return report.equal


class Examiner:
    """Looks at each event of a chain that holds. `unreadable` tells of the first that this release cannot read."""

    def __init__(self, events: int, heads: AgainstHeads) -> None:
        self.unreadable: str | None = None
        self.bar = ProgressBar("events")
        self._events = events
        self._heads = heads

    def __call__(self, recorded: Recorded) -> None:
        if self.unreadable is None and (reason := _unreadable(recorded)):
            self.unreadable = f"broken at position {recorded.position}: {reason}"
        self._heads(recorded)
        self.bar(recorded.position, self._events)


def _unreadable(recorded: Recorded) -> str | None:
    if recorded.type not in CATALOGUE.types:
        return f"nobody knows the type {recorded.type}"
    try:
        CATALOGUE.decode(recorded)
    except VersionUnknown as unknown:
        return str(unknown)
    except Exception as error:
        return f"{recorded.type} version {recorded.schema_version} cannot be read: {type(error).__name__}"
    return None

"""Rebuild views, or services' directories, from the log beside the live ones, compare, and switch if they are equal.

The platform goes on meanwhile. A view's older tables are kept until the next rebuild, for going back. Where live rows
are damaged, or a definition has changed, the rebuild differs: say that this is meant, and it is switched all the same.
The exit status is 1 when something differs and was not switched.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from services.assembly import SERVICES, assemble
from services.gateway import rebuild as rebuilding
from services.gateway.rebuild import Report
from services.gateway.views import projections
from services.progress import ProgressBar
from services.surroundings import settings_or_embedded
from services.webhooks import directory as webhooks
from shared import parking
from shared.parts import Parts
from shared.projection import Projection
from shared.rebuilding import Passed, nothing
from shared.settings import Settings

WEBHOOKS = "webhooks"
DIRECTORIES = (*SERVICES, WEBHOOKS)


def arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--verify", action="store_true", help="compare only; nothing is switched")
    what.add_argument("--changed", action="store_true", help="the tables are defined anew: switch though they differ")
    what.add_argument(
        "--repair", action="store_true", dest="changed", help="the live rows are damaged: switch though they differ"
    )
    what.add_argument("--back", action="store_true", help="go back to the views from before the last switch")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--view", nargs="+", default=[], metavar="NAME", help="these only")
    which.add_argument("--directory", nargs="*", metavar="SERVICE", help="not views: the directories of these, or all")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(
    verify: bool, changed: bool, back: bool, view: list[str], folder: Path, directory: list[str] | None = None
) -> int:
    settings = settings_or_embedded(folder)
    if directory is not None:
        if back or not set(directory) <= set(DIRECTORIES):
            sys.exit(f"there is no way back to older directories; there are those of {', '.join(DIRECTORIES)}")
        return max([_rebuild_directory(settings, name, verify, changed) for name in directory or DIRECTORIES])
    parts = Parts(settings, "views")
    try:
        if back:
            return _go_back(parts)
        return _compare(parts, projections(parts.vault), view, verify, changed)
    finally:
        parts.close()


def _go_back(parts: Parts) -> int:
    names = rebuilding.back(parts.log, parts.database, projections(parts.vault))
    print(f"live again as they were before the last switch, and up to date: {', '.join(names)}")
    return 0


def _rebuild_directory(settings: Settings, name: str, only: bool, changed: bool) -> int:
    """What is parked stays out of it: `parked redrive` takes it in."""
    parts = Parts(settings, name)
    try:
        if name == WEBHOOKS:
            directory, passed = webhooks.DIRECTORY, nothing
        else:
            service = assemble(name, parts)
            directory, passed = Projection(name, service.directory, service.catalogue), parking.positions
        if not directory.views:
            print(f"{name}: keeps no directory")
            return 0
        print(f"{name}: ", end="")
        return _compare(parts, [directory], [], only, changed, passed)
    finally:
        parts.close()


def _compare(
    parts: Parts,
    tables: Sequence[Projection],
    names: list[str],
    only: bool,
    changed: bool,
    passed: Passed = nothing,
) -> int:
    bar = ProgressBar("events")
    what = parts.log, parts.database, tables, names
    if only:
        report = rebuilding.verify(*what, watch=bar, passed=passed)
    else:
        report = rebuilding.rebuild(*what, changed=changed, watch=bar, passed=passed)
    bar.end()
    for difference in report.differences:
        print(difference)
    print(_told(report))
    return 0 if report.equal or report.switched else 1


def _told(report: Report) -> str:
    rows = report.rows.get("relationships", sum(report.rows.values()))
    rebuilt = (
        f"{report.events} events, {rows} {'relationships' if 'relationships' in report.rows else 'rows'}, rebuilt in"
        f" {report.seconds:.2f} s ({report.events_per_second:,.0f} events/s)"
    )
    verdict = "every view equals its rebuild" if report.equal else f"differing: {', '.join(report.differing)}"
    return f"{rebuilt}: {verdict}{', and it is live now' if report.switched else ''}"

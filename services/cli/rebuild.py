"""Rebuild views from the log beside the live ones, compare, and switch if they are equal.

The platform goes on meanwhile. The older tables are kept until the next rebuild, for going back. Where a view's
definition has changed its rebuild is meant to differ: say so with --changed. The exit status is 1 when views differ and
nothing was switched.
"""

from argparse import ArgumentParser
from pathlib import Path

from services.gateway import rebuild as rebuilding
from services.gateway.rebuild import Report
from services.gateway.views import projections
from services.progress import ProgressBar
from services.surroundings import settings_or_embedded
from shared.parts import Parts


def arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--verify", action="store_true", help="compare only; nothing is switched")
    what.add_argument("--changed", action="store_true", help="the views are defined anew: switch though they differ")
    what.add_argument("--back", action="store_true", help="go back to the tables from before the last switch")
    parser.add_argument("--view", nargs="+", default=[], metavar="NAME", help="these only")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(verify: bool, changed: bool, back: bool, view: list[str], folder: Path) -> int:
    parts = Parts(settings_or_embedded(folder), "views")
    try:
        return _go_back(parts) if back else _compare(parts, view, verify, changed)
    finally:
        parts.close()


def _go_back(parts: Parts) -> int:
    names = rebuilding.back(parts.log, parts.database, projections(parts.vault))
    print(f"live again as they were before the last switch, and up to date: {', '.join(names)}")
    return 0


def _compare(parts: Parts, view: list[str], only: bool, changed: bool) -> int:
    bar = ProgressBar("events")
    what = parts.log, parts.database, projections(parts.vault), view
    report = rebuilding.verify(*what, watch=bar) if only else rebuilding.rebuild(*what, changed=changed, watch=bar)
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

"""Rebuild every view from the log beside the live ones and compare."""

from argparse import ArgumentParser
from pathlib import Path

from services.gateway.rebuild import rebuild
from services.gateway.views import projections
from services.surroundings import settings_or_embedded
from shared.parts import Parts


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--verify", action="store_true", required=True, help="compare only; nothing is switched")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(verify: bool, folder: Path) -> int:
    """0 when every rebuilt view equals the live one."""
    parts = Parts(settings_or_embedded(folder), "views")
    report = rebuild(parts.log, parts.database, projections(parts.vault))
    parts.close()
    verdict = "every view equals its rebuild" if report.equal else f"differing: {', '.join(report.differing)}"
    print(
        f"{report.events} events, {report.relationships} relationships, rebuilt in {report.seconds:.2f} s"
        f" ({report.events_per_second:,.0f} events/s): {verdict}"
    )
    return 0 if report.equal else 1

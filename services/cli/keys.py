"""Keys: `status`, `rotate` the master key while the platform runs, `reapply` erasures after restoring the key store."""

from argparse import ArgumentParser
from pathlib import Path

from services.identity.erasing import reapply
from services.surroundings import settings_or_embedded
from shared.parts import Parts
from shared.rotation import Status, rotate, status
from shared.vault import open_keys


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=("status", "rotate", "reapply"))
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(what: str, folder: Path) -> int:
    parts = Parts(settings_or_embedded(folder), "identity")
    engine = open_keys(parts.settings.database_url)
    try:
        if what == "rotate":
            print(f"{sum(rotate(engine, parts.keys.masters))} keys were wrapped anew")
        if what == "reapply":
            print(f"{reapply(parts.log, parts.vault)} erasures were applied again")
        _tell(status(engine))
    finally:
        engine.dispose()
        parts.close()
    return 0


def _tell(now: Status) -> None:
    for master, count in now.wrapped.items():
        print(f"{master} wraps {count} keys")
    print(f"{now.erased} keys were destroyed")

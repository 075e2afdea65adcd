"""Tell one queue again what the log holds from one position to another; nobody else hears of it."""

import sys
from argparse import ArgumentParser

from services import registry
from services.surroundings import settings_of_environment
from shared.parts import Parts
from shared.replay import replay


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=int, required=True, metavar="POSITION")
    parser.add_argument("--to", dest="last", type=int, metavar="POSITION", help="included; the log's last if not given")
    parser.add_argument("--queue", required=True, help="it must exist")
    parser.add_argument("--types", nargs="+", default=[], metavar="TYPE", help="these only")


def main(first: int, last: int | None, queue: str, types: list[str]) -> int:
    """Raises ValueError for what cannot be replayed."""
    settings = settings_of_environment()
    if unknown := set(types) - {one.type for one in registry.event_types()}:
        raise ValueError(f"nobody publishes {', '.join(sorted(unknown))}")
    if settings.broker_url is None:
        raise ValueError("there is no broker: MENTORING_BROKER_URL is not set")
    parts = Parts(settings, "relay")
    try:
        head = parts.log.head().position
        last = head if last is None else last
        if not 1 <= first <= last <= head:
            raise ValueError(f"the log holds positions 1 to {head}")
        sent = replay(parts.log, settings.broker_url, queue, (first, last), types, _tell)
    finally:
        parts.close()
    print(f"{sent} events told to {queue}, up to position {last}")
    return 0


def _tell(position: int, sent: int) -> None:
    print(f"\r{sent} events, at position {position}", end="", file=sys.stderr, flush=True)

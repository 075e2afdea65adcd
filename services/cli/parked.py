"""What a service could not take in and set aside: `list` it, `show` each event, or `redrive` it after the repair.

`redrive` takes in what is parked of a subject in the order in which it happened, while the platform runs or not; it
stops at an event that still cannot be taken in.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from services.assembly import SERVICES, assemble
from services.surroundings import settings_or_embedded
from shared import parking, telemetry
from shared.database import reading
from shared.parking import Parked
from shared.parts import Parts
from shared.subscription import Subscription


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--service", choices=SERVICES, help="only what this one has set aside")
    parser.add_argument("--subject", help="only what belongs to this relationship, or else to this stream")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")


def main(verb: str, service: str | None, subject: str | None, folder: Path) -> int:
    """0 when nothing is parked, or nothing any more."""
    telemetry.configure("WARNING", "parked")
    settings = settings_or_embedded(folder)
    left = 0
    for name in [service] if service else SERVICES:
        parts = Parts(settings, name)
        for one, events in _by_subject(parts, subject).items():
            left += VERBS[verb](parts, one, events)
        parts.close()
    if not left:
        print("nothing is parked")
    return 1 if left else 0


def _list(parts: Parts, subject: str, events: list[Parked]) -> int:
    first = events[0]
    again = f", again at {first.again_at:%H:%M:%S}" if first.again_at else ""
    print(
        f"{parts.owner:<10} {subject}  {len(events)} events since {first.parked_at:%Y-%m-%d %H:%M:%S},"
        f" the first at position {first.position}: {first.reason} after {first.tries} tries{again}"
    )
    return len(events)


def _show(parts: Parts, subject: str, events: list[Parked]) -> int:
    """Type and ids are the log's own; what people wrote is not shown."""
    _list(parts, subject, events)
    for one in events:
        [recorded] = parts.log.read(one.position - 1, 1)
        print(
            f"  {one.position:>9} {recorded.type:<40} {recorded.recorded_at:%Y-%m-%d %H:%M:%S}"
            f" correlation {recorded.correlation_id}  {one.reason or 'waits'}"
        )
    return len(events)


def _redrive(parts: Parts, subject: str, events: list[Parked]) -> int:
    subscription = Subscription(parts.runtime(assemble(parts.owner, parts)))
    taken = subscription.redrive(subject)
    left = _by_subject(parts, subject).get(subject, [])
    print(f"{parts.owner:<10} {subject}  {taken} events taken in, {len(left)} still parked")
    return len(left)


def _by_subject(parts: Parts, subject: str | None) -> dict[str, list[Parked]]:
    with reading(parts.database) as connection:
        events = sorted(parking.listed(connection, subject), key=attrgetter("subject", "position"))
    return {one: list(some) for one, some in groupby(events, attrgetter("subject"))}


VERBS: dict[str, Callable[[Parts, str, list[Parked]], int]] = {"list": _list, "show": _show, "redrive": _redrive}

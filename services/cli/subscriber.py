"""The broker's definitions for somebody outside who subscribes: a user, a queue, and no more rights than these need.

`subscriber add reports >reports.json`, then `rabbitmqctl import_definitions reports.json`. What to hand over is said
once, on the other output.
"""

import json
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

from services.surroundings import settings_of_environment
from shared.topology import policies, subscriber


def arguments(parser: ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    add = what.add_parser("add", help="a user sub.NAME who may bind and read a queue sub.NAME, and read the stream")
    add.add_argument("name")
    add.add_argument("--types", nargs="+", default=[], help="what the queue is bound to: goals.goal_set, goals.*, #")
    what.add_parser("policies", help="what bounds the stream and every queue outside; import it once")


def main(what: str, name: str = "", types: Sequence[str] = ()) -> int:
    """Raises ValueError for a name that cannot be used."""
    at = urlsplit(settings_of_environment().broker_url or "amqp://localhost/")
    vhost = unquote(at.path[1:]) or "/"
    if what == "policies":
        print(json.dumps(policies(vhost), indent=2))
        return 0
    password = secrets.token_urlsafe(24)
    print(json.dumps(subscriber(name, password, vhost, types), indent=2))
    url = f"amqp://sub.{name}:{password}@{at.hostname}:{at.port or 5672}/{quote(vhost, safe='')}"
    print(f"for the subscriber: {url}, queue sub.{name}", file=sys.stderr)
    return 0

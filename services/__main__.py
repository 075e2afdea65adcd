"""`python -m services <command>`: every way to start, install or examine the platform."""

import argparse
import sys
from pathlib import Path

from shared import green
from shared.keys import KeysMissing
from shared.refusals import Refusal

SERVICES = ("identity", "matching", "messaging", "goals", "files")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the whole platform in this process: no server, data in a folder")
    run.add_argument("--port", type=int, default=8000)
    run.add_argument("--folder", type=Path, default=Path("var"))
    commands.add_parser("init", help="install keys, tables, buckets and the first coordinator; repeat at will")
    start = commands.add_parser("start", help="one process of the distributed platform")
    start.add_argument("process")
    rebuild = commands.add_parser("rebuild", help="rebuild every view from the log beside the live ones and compare")
    rebuild.add_argument("--verify", action="store_true", required=True, help="compare only; nothing is switched")
    rebuild.add_argument("--folder", type=Path, default=Path("var"), help="of an embedded platform, without settings")
    arguments = vars(parser.parse_args())
    command = arguments.pop("command")
    if command == "start" and arguments["process"] in SERVICES:
        green.prepare()
        from services import hosted

        sys.exit(hosted.start(**arguments))
    from services import running

    try:
        sys.exit(getattr(running, command)(**arguments))
    except (KeysMissing, Refusal, ValueError) as error:
        sys.exit(f"cannot {command}: {error}")


if __name__ == "__main__":
    main()

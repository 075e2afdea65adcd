"""One process of the distributed platform, until SIGTERM."""

from argparse import ArgumentParser
from importlib import import_module

SERVICES = ("identity", "matching", "messaging", "goals", "files")
PLAIN = ("gateway", "views", "relay", "webhooks")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("process", choices=(*PLAIN, *SERVICES))


def main(process: str) -> int:
    if process in SERVICES:
        import_module("shared.green").prepare()
        import_module("services.hosted").start(process)
    else:
        import_module("services.processes").start(process)
    return 0

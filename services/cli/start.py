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
    module = "service" if process in SERVICES else process
    import_module(f"services.processes.{module}").start(process)
    return 0

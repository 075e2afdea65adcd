"""`python -m services <command>`: every way to start, install or examine the platform."""

import ast
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from shared.keys import KeysMissing
from shared.refusals import Refusal

COMMANDS = {path.stem: path for path in sorted((Path(__file__).parent / "cli").glob("[a-z]*.py"))}


def main() -> None:
    name, *rest = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        sys.exit(_overview(name))
    command = import_module(f"services.cli.{name}")
    parser = ArgumentParser(prog=f"python -m services {name}", description=command.__doc__)
    command.arguments(parser)
    try:
        sys.exit(command.main(**vars(parser.parse_args(rest))))
    except (KeysMissing, Refusal, ValueError) as error:
        sys.exit(f"cannot {name}: {error}")


def _overview(asked: str) -> int:
    """Each command with the first line of its module, which is read and not imported."""
    print(f"{__doc__}\n")
    for name, path in COMMANDS.items():
        says = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]
        print(f"  {name:<10} {says}")
    return 0 if asked in {"-h", "--help"} else 2


if __name__ == "__main__":
    main()

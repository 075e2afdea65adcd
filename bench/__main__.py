"""`python -m bench [NAME …]`: every row of the table, or those named, into var/bench/results.json."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from bench import append
from bench.database import Database, running
from bench.machine import durability, machine, versions
from bench.rows import Row, table

RESULTS = Path(__file__).parent.parent / "var" / "bench" / "results.json"

ROWS: dict[str, Callable[[Database], Row]] = {
    "append": append.in_one_process,
    "append_functions": append.with_functions,
    "append_processes": append.in_five_processes,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *ROWS], metavar="NAME", help=f"of {', '.join(ROWS)}")
    names = parser.parse_args().names or list(ROWS)
    with running() as database:
        rows = [ROWS[name](database) for name in names]
        with database.connect() as connection:
            settings = durability(connection)
    results = {
        "rows": [row.as_json() for row in rows],
        "machine": machine(),
        "versions": versions(),
        "durability": settings,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(table(rows))
    print("  ".join(f"{name}: {value}" for name, value in (machine() | settings).items()))
    print(f"results: {RESULTS}")
    if not all(row.reached for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()

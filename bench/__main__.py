"""`python -m bench [NAME …]`: the table's rows, all or those of the benchmarks named, into bench/results.json."""

import argparse
import sys
from contextlib import ExitStack

from bench.benchmarks import benchmarks
from bench.machine import surroundings
from bench.place import Place
from bench.results import FILE, publish, save
from bench.row import Row, table
from deploy.servers import Servers


def main() -> None:
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME", help=f"of {', '.join(known)}")
    names = parser.parse_args().names or list(known)
    rows: list[Row] = []
    servers = Servers.from_environment()
    with ExitStack() as whole:
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            with ExitStack() as own:
                rows += known[name](Place(servers, whole, own))
            save(rows, surroundings(servers))
            publish()
    print(table(rows))
    print(f"results: {FILE}")
    if any(row.missed for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()

"""A process that rebuilds once: `python -m bench.rebuilders URL SECRETS [VIEW …]`.

Prints `ready`, waits for a line, and prints how many events per second it took in, the most memory that it and the
processes it has divided the work among have had, in MB, and how many rows there are.
"""

import resource
import sys
from pathlib import Path

from services.gateway.rebuild import rebuild
from services.gateway.views import projections
from shared.database import log_url, open_database
from shared.dividing import processes
from shared.log import open_log
from shared.masters import Masters
from shared.vault import Vault, open_keys


def main(url: str, secrets: str, *names: str) -> None:
    vault = Vault(open_keys(url), Masters(Path(secrets)))
    log, database = open_log(log_url(url, "views")), open_database(url, "views")
    print("ready", flush=True)
    sys.stdin.readline()
    report = rebuild(log, database, projections(vault), names, changed=True)
    own, largest = (resource.getrusage(of).ru_maxrss / 1024 for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    most = own + (processes() * largest if largest else 0)
    print(report.events_per_second, most, sum(report.rows.values()), flush=True)
    log.close()
    database.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`make chaos`: break everything that can break, under load, and see whether what is promised holds."""

import argparse
import logging
import random
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.chaos.campaign import failed, prepared, table
from tests.chaos.faults import FAULTS

USUAL_ROUNDS = 100
SELDOM = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=USUAL_ROUNDS, help="of killing processes; a tenth of the others")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="the same seed, the same faults")
    parser.add_argument("--only", choices=FAULTS, action="append", help="this kind of fault; may be repeated")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and takes everything down again
    tell = partial(print, flush=True)
    tell(f"seed {chosen.seed} (--seed={chosen.seed} does the same again)")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with prepared(folder, chosen.seed, tell) as campaign:
        rows = [campaign.run(fault, _rounds(fault, chosen.rounds)) for fault in chosen.only or FAULTS]
    tell(f"\n{table(rows)}")
    if failed(rows):
        tell(f"\nwhat the processes said is in {folder / 'platform'}")
        return 1
    shutil.rmtree(folder)
    return 0


def _rounds(fault: str, rounds: int) -> int:
    return rounds if fault == "processes" else max(1, rounds // SELDOM)


if __name__ == "__main__":
    sys.exit(main())

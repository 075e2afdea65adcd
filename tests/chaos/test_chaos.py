"""`make chaos` in short, without the broker's disk being full: RabbitMQ 3.10 then sometimes loses queues for good. That
takes an operator (docs/operating.md), and cannot be told beforehand."""

from pathlib import Path

import pytest

from deploy.servers import Servers
from tests.chaos.campaign import failed, prepared, table

SEED = 4
ROUNDS = {
    "processes": 6,
    "broker": 1,
    "database": 1,
    "resets": 2,
    "log-disk": 1,
    "database-clock": 1,
}


@pytest.mark.timeout(900)
def test_whatever_breaks_what_is_promised_holds(servers: Servers, tmp_path: Path) -> None:
    """On servers of its own: those of the other tests only tell that there are such programs here."""
    with prepared(tmp_path, SEED, print) as campaign:
        rows = [campaign.run(fault, rounds) for fault, rounds in ROUNDS.items()]
    print(table(rows))
    assert failed(rows) == [], table(rows)

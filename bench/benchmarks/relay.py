"""The relay: how many of the log's events per second a quorum queue has confirmed."""

from uuid import uuid4

from bench import rooms
from bench.measuring import alternating
from bench.place import Place
from bench.processes import working
from bench.row import Row, at_least
from shared.log import open_log

RUNS = 3
EVENTS = {"ours": 40_000, "peer": 1_500, "bare": 40_000}
BATCH = 500


def relayed(place: Place) -> list[Row]:
    settings = rooms.installed(place)
    log = open_log(settings.database_url)
    for _ in range(EVENTS["ours"] // BATCH):
        log.append([rooms.said(uuid4()) for _ in range(BATCH)])
    log.close()
    environment = rooms.environment(settings)
    tellers = {
        side: place.keep(working("bench.telling", side, str(events), environment=environment))
        for side, events in EVENTS.items()
    }
    measured = alternating(RUNS, **{side: teller.done for side, teller in tellers.items()})
    return [
        Row(
            name="relay",
            unit="events/s",
            ours=measured["ours"].value,
            peer_name="nameko's EventDispatcher",
            peer=measured["peer"].value,
            limit_name="bare py-amqp, 500 unconfirmed",
            limit=measured["bare"].value,
            goals=(at_least(12, "peer"), at_least(0.5, "limit")),
            spread={side: one.spread for side, one in measured.items()},
        )
    ]


BENCHMARKS = {"relay": relayed}

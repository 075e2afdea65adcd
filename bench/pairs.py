"""The distributed platform with Ada and Grace on it, who have signed their agreement and talk."""

from dataclasses import dataclass

from bench.place import Place
from deploy.demo import COORDINATOR, Journey
from deploy.fleet import Fleet, free_ports

NOT_NEEDED = ("files", "goals", "webhooks")
TERMS = {"scope": "A first job", "frequency": "weekly", "nature": "career", "duration_weeks": 12}


@dataclass(frozen=True)
class Pair:
    fleet: Fleet
    journey: Journey

    @property
    def token(self) -> str:
        """Ada's."""
        return str(self.journey.mentee.token)


def pair(place: Place) -> Pair:
    """On a platform of its own, as long as the benchmark lasts."""
    servers = {"MENTORING_DATABASE_URL": place.database(), "MENTORING_BROKER_URL": place.broker()}
    fleet = Fleet(servers, place.folder(), free_ports())
    for name in NOT_NEEDED:
        fleet.processes.pop(name, None)
    place.keep(fleet)
    journey = place.keep(Journey(fleet.url, COORDINATOR, fleet.password, lambda told: None))
    journey.enrol()
    journey.find_each_other()
    at = f"/v1/relationships/{journey.relationship}"
    number = journey.mentee.post(f"{at}/proposals", **TERMS)["agreement"]["number"]
    for person in (journey.mentee, journey.mentor):
        person.post(f"{at}/signatures", number=number)
    journey.talk()
    return Pair(fleet, journey)

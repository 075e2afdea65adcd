"""What matching does because of what happened elsewhere."""

from services.matching.commands import DissolveRelationships
from services.matching.heard import PersonErased
from shared.log import Recorded


def dissolve_relationships_when_person_erased(event: PersonErased, recorded: Recorded) -> DissolveRelationships:
    return DissolveRelationships(person_id=event.person_id, at=recorded.occurred_at)

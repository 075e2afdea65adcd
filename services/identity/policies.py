"""What identity does because of what happened.

That somebody is erased is recorded first, and carried out because it was: a crash in between delays it and cannot lose
it, for a policy's command is sent until it succeeds.
"""

from services.identity.commands import CompleteErasure
from services.identity.events import PersonErased
from shared.log import Recorded


def complete_erasure_when_person_erased(event: PersonErased, recorded: Recorded) -> CompleteErasure:
    return CompleteErasure(person_id=event.person_id, programs=event.programs, at=recorded.occurred_at)

"""Ending all that an erased person has begun."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from services.matching.commands import DissolveRelationship, DissolveRelationships
from services.matching.directory import RELATIONSHIPS
from services.matching.domain.refusals import PlatformOnly
from services.matching.events import MentorRequested
from shared.ids import derived_id
from shared.refusals import Refusal
from shared.runtime import Reader, Runtime
from shared.service import Asker, Context, Done


def dissolve_relationships(runtime: Runtime, command: DissolveRelationships, asker: Asker, context: Context) -> Done:
    """Those that the directory knows, and those that were asked for since."""
    if not asker.is_system:
        raise PlatformOnly()
    commands = [
        (
            DissolveRelationship(relationship_id=one, erased_id=command.person_id, at=command.at),
            replace(context, command_id=derived_id(context.command_id, one)),
        )
        for one in sorted({*_open_of(runtime.reader, command.person_id)})
    ]
    for answer in runtime.execute(commands, asker):
        if isinstance(answer, Refusal):
            raise answer
    return Done()


def _open_of(reader: Reader, person: UUID) -> Iterator[UUID]:
    for side in ("mentor_id", "mentee_id"):
        yield from (row["relationship_id"] for row in reader.where(RELATIONSHIPS, **{side: person}))
    for event in reader.unheard():
        if isinstance(event, MentorRequested) and person in (event.mentor_id, event.mentee_id):
            yield event.relationship_id

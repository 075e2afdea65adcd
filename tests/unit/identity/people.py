"""Those who take part in these tests, and what befalls them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest

from services.identity.commands import AcceptInvitation, ImportRoster, InvitePerson
from services.identity.domain.enrolment import person_id_of
from shared import clock
from shared.ids import NIL
from shared.log import Append, Outcome
from shared.refusals import Unavailable
from shared.service import Done
from tests.hosted import Hosted

COORDINATOR = uuid4()
EMAIL, PASSWORD = "Grace.Hopper@example.org", "amazing grace 1906"
ADAS_EMAIL, ADAS_PASSWORD = "ada@example.org", "difference engine"
HEADER = "external_id,role,headline,country,timezone,languages,skills,wants,capacity"


def import_roster(
    hosted: Hosted,
    program: UUID,
    *rows: str,
    text: str = "",
    by: UUID | str = COORDINATOR,
    command_id: UUID | None = None,
) -> Done:
    text = text or "\n".join([HEADER, *rows])
    command = ImportRoster(program_id=program, import_id=NIL, csv=text, at=clock.now())
    return hosted.send(command, by, command_id=command_id)


def enrol(hosted: Hosted, program: UUID, *external_ids: str) -> list[UUID]:
    import_roster(hosted, program, *(f"{external_id},mentee,,GB,UTC,en,,," for external_id in external_ids))
    return [person_id_of(program, external_id) for external_id in external_ids]


def invite(hosted: Hosted, program: UUID, person: UUID, *, by: UUID = COORDINATOR, invitation: UUID = NIL) -> str:
    command = InvitePerson(person_id=person, program_id=program, invitation_id=invitation, at=clock.now())
    return str(hosted.send(command, by).result["token"])


def acceptance(token: str, *, email: str = ADAS_EMAIL, password: str = ADAS_PASSWORD) -> AcceptInvitation:
    return AcceptInvitation(token=token, email=email, password=password, display_name="Ada", at=clock.now())


def accept(hosted: Hosted, token: str, *, email: str = ADAS_EMAIL, command_id: UUID | None = None) -> Done:
    return hosted.send(acceptance(token, email=email), "anonymous", command_id=command_id)


@contextmanager
def power_cut(hosted: Hosted, *, after: int = 0, written: bool = False) -> Iterator[None]:
    """What happens in it is cut off at an append to the log: `after` so many went well, this one `written` or not."""
    log = hosted.runtime.log
    append, left = log.append, after

    def failing(batch: Sequence[Append]) -> list[Outcome]:
        nonlocal left
        left -= 1
        if left >= 0:
            return append(batch)
        if written:
            append(batch)
        raise Unavailable()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "append", failing)
        with pytest.raises(Unavailable):
            yield

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.identity.adapters.keyring import Keyring
from services.identity.commands import InvitePeople, InvitePerson
from services.identity.domain.person import (
    ExpiryPassed,
    InvitationExpired,
    InvitationUnknown,
    InvitationUsed,
    InvitationVoid,
    PersonUnknown,
)
from services.identity.domain.program import ProgramUnknown
from shared import clock
from shared.ids import NIL, new_id
from shared.service import Done
from tests.hosted import Hosted
from tests.unit.identity.people import COORDINATOR, accept, acceptance, enrol, invite


@pytest.fixture
def ada(hosted: Hosted, program: UUID) -> UUID:
    return enrol(hosted, program, "m-1")[0]


def invite_people(
    hosted: Hosted, program: UUID, people: list[UUID], *, by: UUID = COORDINATOR, command_id: UUID | None = None
) -> Done:
    command = InvitePeople(program_id=program, batch_id=UUID(int=7), person_ids=tuple(people), at=clock.now())
    return hosted.send(command, by, command_id=command_id)


def test_whoever_has_the_link_is_the_person(hosted: Hosted, program: UUID, ada: UUID) -> None:
    done = accept(hosted, invite(hosted, program, ada))
    assert done.result == {"person_id": str(ada)}
    assert hosted.log.read(done.position - 1)[0].actor == str(ada)


def test_a_repeated_invitation_answers_with_the_same_link(hosted: Hosted, program: UUID, ada: UUID) -> None:
    command = InvitePerson(person_id=ada, program_id=program, invitation_id=uuid4(), at=clock.now())
    later = command.model_copy(update={"at": clock.now()})
    command_id = new_id()
    answers = [hosted.send(wish, COORDINATOR, command_id=command_id) for wish in (command, later)]
    assert [answer.repeated for answer in answers] == [False, True]
    assert answers[0].result == answers[1].result


def test_a_link_works_once_and_until_a_newer_one(hosted: Hosted, program: UUID, ada: UUID) -> None:
    old = invite(hosted, program, ada, invitation=uuid4())
    new = invite(hosted, program, ada, invitation=uuid4())
    with pytest.raises(InvitationVoid):
        accept(hosted, old)
    accept(hosted, new)
    with pytest.raises(InvitationUsed):
        accept(hosted, new)


def test_a_link_expires_whatever_time_the_asker_tells(hosted: Hosted, program: UUID, ada: UUID) -> None:
    then = clock.now() - timedelta(hours=2)
    command = InvitePerson(
        person_id=ada, program_id=program, invitation_id=NIL, expires_at=then + timedelta(hours=1), at=then
    )
    token = hosted.send(command, COORDINATOR).result["token"]
    late = acceptance(token).model_copy(update={"at": then})
    with pytest.raises(InvitationExpired):
        hosted.send(late, "anonymous")


def test_a_link_cannot_be_made_up(hosted: Hosted, program: UUID, ada: UUID) -> None:
    token = invite(hosted, program, ada)
    forged = [
        Keyring(b"another key").invitation(ada, NIL),
        token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
        ("A" if token[0] != "A" else "B") + token[1:],
        token[:43],
        token + "A",
        token + "\u00e9",
        "x",
    ]
    for made_up in forged:
        with pytest.raises(InvitationUnknown):
            accept(hosted, made_up)
    accept(hosted, token)


def test_only_the_coordinator_invites_and_only_who_is_enrolled(hosted: Hosted, program: UUID, ada: UUID) -> None:
    with pytest.raises(ProgramUnknown):
        invite(hosted, program, ada, by=uuid4())
    with pytest.raises(ProgramUnknown):
        invite_people(hosted, program, [ada], by=ada)
    with pytest.raises(PersonUnknown):
        invite(hosted, program, uuid4())


def test_a_whole_roster_is_invited_in_one_go(hosted: Hosted, program: UUID, ada: UUID) -> None:
    accept(hosted, invite(hosted, program, ada))
    people, nobody = enrol(hosted, program, *(f"p-{number}" for number in range(450))), uuid4()
    done = invite_people(hosted, program, [ada, *people, people[0], nobody])
    assert [one["person_id"] for one in done.result["invited"]] == [str(person) for person in people]
    assert len({one["token"] for one in done.result["invited"]}) == 450
    assert sorted((one["person_id"], one["code"]) for one in done.result["skipped"]) == sorted(
        [(str(ada), "already_signed_up"), (str(nobody), "person_unknown")]
    )
    assert done.position == hosted.log.head().position
    assert accept(hosted, done.result["invited"][7]["token"], email="grace@example.org").result == {
        "person_id": str(people[7])
    }


def test_the_same_batch_again_answers_with_the_same_links(hosted: Hosted, program: UUID, ada: UUID) -> None:
    command_id = new_id()
    first = invite_people(hosted, program, [ada], command_id=command_id)
    head = hosted.log.head()
    more = enrol(hosted, program, "m-2")
    assert invite_people(hosted, program, [ada], command_id=command_id).result == first.result
    after = [one.type for one in hosted.log.read(head.position)]
    assert after == ["identity.person_registered", "identity.person_enrolled", "identity.roster_imported"]
    both = invite_people(hosted, program, [ada, *more])
    assert both.result["invited"][0] == first.result["invited"][0]


def test_a_batch_that_would_be_over_before_it_is_made_is_refused(hosted: Hosted, program: UUID, ada: UUID) -> None:
    now = clock.now()
    command = InvitePeople(program_id=program, batch_id=NIL, person_ids=(ada,), expires_at=now, at=now)
    with pytest.raises(ExpiryPassed):
        hosted.send(command, COORDINATOR)

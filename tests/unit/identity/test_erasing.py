"""Somebody is forgotten: decided once, carried out however often it is cut off, and again after a restore."""

from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from services.identity.adapters.tables import attempts, credentials, sessions
from services.identity.aggregates import ENROLMENT, PERSON
from services.identity.commands import (
    CompleteErasure,
    EnrolPerson,
    EraseAccount,
    EraseEnrolment,
    ErasePerson,
    RefreshSession,
    SignIn,
)
from services.identity.domain import enrolment, person
from services.identity.domain.enrolment import EnrolmentGone, enrolment_id_of, person_id_of
from services.identity.domain.person import (
    CoordinatorStays,
    InvitationUnknown,
    OwnAccountOnly,
    PersonUnknown,
    PlatformOnly,
)
from services.identity.domain.program import ProgramUnknown
from services.identity.erasing import PasswordWrong, reapply, reapply_heard
from services.identity.signing_in import CredentialsWrong
from shared import clock
from shared.ids import new_id
from shared.log.hashing import Intact, verify
from shared.parts import Parts
from shared.refusals import Throttled, Unauthenticated
from shared.service import Done
from shared.vault import keys
from tests.hosted import Hosted
from tests.unit.identity.people import (
    ADAS_EMAIL,
    ADAS_PASSWORD,
    COORDINATOR,
    PASSWORD,
    accept,
    enrol,
    import_roster,
    invite,
    power_cut,
)


@pytest.fixture
def ada(hosted: Hosted, program: UUID) -> UUID:
    [ada] = enrol(hosted, program, "ada")
    accept(hosted, invite(hosted, program, ada))
    hosted.hear()
    return ada


def erase(hosted: Hosted, ada: UUID, *, password: str = ADAS_PASSWORD, command_id: UUID | None = None) -> Done:
    return hosted.send(EraseAccount(person_id=ada, password=password, at=clock.now()), ada, command_id=command_id)


def sign_in(hosted: Hosted) -> Done:
    return hosted.send(SignIn(email=ADAS_EMAIL, password=ADAS_PASSWORD, at=clock.now()), "anonymous")


def texts(hosted: Hosted, ada: UUID) -> list[object]:
    """All that the log still tells of her."""
    events = [hosted.runtime.service.catalogue.decode(one) for one in hosted.log.read(0)]
    mine = [one for one in events if one and one.personal_fields() and getattr(one, "person_id", None) == ada]
    return [hosted.vault.reveal(getattr(one, name)) for one in mine for name in one.personal_fields()]


def left(parts: Parts, ada: UUID) -> int:
    """Rows of hers beside the log."""
    queries = [
        select(func.count()).select_from(table).where(table.c.person_id == ada) for table in (credentials, sessions)
    ]
    queries.append(select(func.count()).select_from(attempts))
    with parts.database.connect() as connection:
        return sum(connection.scalar(query) or 0 for query in queries)


def test_nothing_of_her_is_left_and_the_log_is_whole(hosted: Hosted, parts: Parts, ada: UUID) -> None:
    token = sign_in(hosted).result["refresh_token"]
    assert ADAS_EMAIL in texts(hosted, ada) and left(parts, ada) == 2
    erase(hosted, ada)
    hosted.hear()
    assert set(texts(hosted, ada)) == {None}
    assert left(parts, ada) == 0
    assert verify(hosted.log) == Intact(hosted.log.head())
    with pytest.raises(CredentialsWrong):
        sign_in(hosted)
    with pytest.raises(Unauthenticated):
        hosted.send(RefreshSession(refresh_token=token, at=clock.now()), "anonymous")


def test_she_is_signed_out_before_the_erasure_is_carried_out(hosted: Hosted, ada: UUID) -> None:
    token = sign_in(hosted).result["refresh_token"]
    erase(hosted, ada)
    with pytest.raises(CredentialsWrong):
        sign_in(hosted)
    with pytest.raises(Unauthenticated):
        hosted.send(RefreshSession(refresh_token=token, at=clock.now()), "anonymous")


def test_the_same_wish_again_gets_the_first_answer_and_another_changes_nothing(hosted: Hosted, ada: UUID) -> None:
    command_id = new_id()
    first = erase(hosted, ada, command_id=command_id)
    hosted.hear()
    again = erase(hosted, ada, command_id=command_id)
    assert (again.position, again.repeated) == (first.position, True)
    head = hosted.log.head()
    decided = ErasePerson(person_id=ada, program_id=_program(hosted), reason="asked_coordinator", at=clock.now())
    assert hosted.send(decided, COORDINATOR).position == 0
    assert hosted.log.head() == head


def _program(hosted: Hosted) -> UUID:
    return next(one.program for one in hosted.log.read(0) if one.type == "identity.program_created")


def test_who_may_erase_whom(hosted: Hosted, program: UUID, ada: UUID) -> None:
    with pytest.raises(PasswordWrong):
        erase(hosted, ada, password="a guess")
    with pytest.raises(OwnAccountOnly):
        hosted.send(EraseAccount(person_id=ada, password=PASSWORD, at=clock.now()), COORDINATOR)
    with pytest.raises(CoordinatorStays):
        hosted.send(EraseAccount(person_id=COORDINATOR, password=PASSWORD, at=clock.now()), COORDINATOR)
    decided = ErasePerson(person_id=ada, program_id=program, reason="consent_withdrawn", at=clock.now())
    with pytest.raises(ProgramUnknown):
        hosted.send(decided, ada)
    with pytest.raises(PersonUnknown):
        hosted.send(decided.model_copy(update={"person_id": uuid4()}), COORDINATOR)
    for command in (
        CompleteErasure(person_id=ada, programs=(), at=clock.now()),
        EraseEnrolment(person_id=ada, program_id=program, enrolment_id=enrolment_id_of(program, ada), at=clock.now()),
    ):
        with pytest.raises(PlatformOnly):
            hosted.send(command, COORDINATOR)
    assert ADAS_EMAIL in texts(hosted, ada)


def test_the_password_cannot_be_guessed_by_erasing(hosted: Hosted, ada: UUID) -> None:
    for _ in range(10):
        with pytest.raises(PasswordWrong):
            erase(hosted, ada, password="a guess")
    with pytest.raises(Throttled):
        erase(hosted, ada)


def test_the_coordinator_erases_who_has_not_signed_up_and_the_invitation_is_void(hosted: Hosted, program: UUID) -> None:
    [grace] = enrol(hosted, program, "grace")
    link = invite(hosted, program, grace)
    hosted.hear()
    hosted.send(
        ErasePerson(person_id=grace, program_id=program, reason="entered_by_mistake", at=clock.now()), COORDINATOR
    )
    hosted.hear()
    assert set(texts(hosted, grace)) == {None}
    with pytest.raises(InvitationUnknown):
        accept(hosted, link)
    with pytest.raises(PersonUnknown):
        invite(hosted, program, grace)


def test_her_email_is_free_for_somebody_else(hosted: Hosted, program: UUID, ada: UUID) -> None:
    [grace] = enrol(hosted, program, "grace")
    erase(hosted, ada)
    hosted.hear()
    accept(hosted, invite(hosted, program, grace), email=ADAS_EMAIL)
    assert UUID(sign_in(hosted).result["person_id"]) == grace


CUT_OFF = ["before the event", "at the event", "before her key", "after her key", "at the enrolment"]


@pytest.mark.parametrize("when", CUT_OFF)
def test_an_erasure_that_was_acknowledged_is_carried_out_whenever_it_was_cut_off(
    hosted: Hosted, program: UUID, ada: UUID, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_id = new_id()
    if when in ("before the event", "at the event"):
        with power_cut(hosted, written=when == "at the event"):
            erase(hosted, ada, command_id=command_id)
    erase(hosted, ada, command_id=command_id)
    if when in ("before her key", "after her key", "at the enrolment"):
        with monkeypatch.context() as patch:
            at, written = (hosted.log, "append") if when == "at the enrolment" else (hosted.vault, "erase")
            whole = getattr(at, written)

            def cut(*arguments: Any) -> None:
                if when != "before her key":
                    whole(*arguments)
                raise KeyboardInterrupt

            patch.setattr(at, written, cut)
            with pytest.raises(KeyboardInterrupt):
                hosted.hear()
    hosted.hear()
    assert set(texts(hosted, ada)) == {None}
    assert isinstance(hosted.runtime.reader.state(PERSON, ada), person.Erased)
    assert isinstance(hosted.runtime.reader.state(ENROLMENT, enrolment_id_of(program, ada)), enrolment.Erased)
    kinds = [one.type for one in hosted.log.read(0)]
    assert (kinds.count("identity.person_erased"), kinds.count("identity.enrolment_erased")) == (1, 1)


@pytest.mark.parametrize("heard", [False, True])
def test_a_roster_that_still_names_her_goes_in_without_her(
    hosted: Hosted, program: UUID, ada: UUID, heard: bool
) -> None:
    erase(hosted, ada)
    if heard:
        hosted.hear()
    report = import_roster(hosted, program, "eve,mentee,,GB,UTC,en,,,", "ada,mentee,New,GB,UTC,en,,,").result
    if heard:
        assert (report["added"], report["changed"]) == (1, 0)
        assert report["rejected"] == [{"line": 3, "external_id": "ada", "reason": "this person was erased"}]
    hosted.hear()
    assert set(texts(hosted, ada)) == {None}
    row = {"external_id": "ada", "role": "mentee", "country": "GB", "timezone": "UTC", "at": clock.now()}
    ids = {"program_id": program, "person_id": ada, "enrolment_id": enrolment_id_of(program, ada)}
    assert person_id_of(program, "ada") == ada
    with pytest.raises(EnrolmentGone):
        hosted.send(EnrolPerson.model_validate({**row, **ids}), COORDINATOR)


@pytest.mark.parametrize("by", ["log", "directory"])
def test_after_an_older_key_store_was_restored_erasures_are_applied_again(
    hosted: Hosted, parts: Parts, ada: UUID, by: Literal["log", "directory"]
) -> None:
    key = hosted.vault._key(ada)
    backup = _rows(parts)
    erase(hosted, ada)
    hosted.hear()
    _restore(parts, backup)
    assert key and ADAS_EMAIL in texts(hosted, ada)
    assert (reapply(hosted.log, hosted.vault) if by == "log" else reapply_heard(hosted.runtime, hosted.vault)) == 1
    assert set(texts(hosted, ada)) == {None}
    assert reapply(hosted.log, hosted.vault) == 0


def _rows(parts: Parts) -> list[dict[str, object]]:
    with parts.vault._engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(select(keys))]


def _restore(parts: Parts, rows: list[dict[str, object]]) -> None:
    with parts.vault._engine.begin() as connection:
        connection.execute(keys.delete())
        connection.execute(keys.insert(), rows)
    parts.vault._remembered.clear()


def test_a_roster_between_the_destroyed_key_and_the_closed_enrolment_goes_in_without_her(
    hosted: Hosted, program: UUID, ada: UUID
) -> None:
    erase(hosted, ada)
    hosted.vault.erase(ada)
    report = import_roster(hosted, program, "ada,mentee,New,GB,UTC,en,,,").result
    assert [row["reason"] for row in report["rejected"]] == ["this person was erased"]

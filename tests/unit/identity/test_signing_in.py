import logging
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from services.identity.adapters import tables
from services.identity.adapters.attempts import ATTEMPTS, TooManyAttempts
from services.identity.adapters.credentials import Credentials
from services.identity.adapters.sessions import SessionOver
from services.identity.commands import (
    AppointCoordinator,
    CreateProgram,
    RefreshSession,
    SignIn,
    SignOut,
)
from services.identity.domain.person import EmailTaken, PlatformOnly
from services.identity.domain.program import OnlyCoordinators
from services.identity.signing_in import CredentialsWrong
from shared import clock
from shared.ids import new_id
from shared.parts import Parts
from shared.refusals import CommandReused
from shared.service import Done
from tests.hosted import Hosted
from tests.unit.identity.people import COORDINATOR, EMAIL, PASSWORD, acceptance, enrol, invite, power_cut


def sign_in(hosted: Hosted, email: str = EMAIL, password: str = PASSWORD) -> Done:
    return hosted.send(SignIn(email=email, password=password, at=clock.now()), "anonymous")


def refresh(hosted: Hosted, token: str, command_id: UUID | None = None) -> str:
    done = hosted.send(RefreshSession(refresh_token=token, at=clock.now()), "anonymous", command_id=command_id)
    return str(done.result["refresh_token"])


def appoint(
    hosted: Hosted,
    password: str,
    *,
    person: UUID = COORDINATOR,
    email: str = EMAIL,
    by: UUID | str = "system:install",
    command_id: UUID | None = None,
) -> Done:
    command = AppointCoordinator(person_id=person, email=email, password=password, at=clock.now())
    return hosted.send(command, by, command_id=command_id)


@pytest.fixture
def invited(hosted: Hosted, program: UUID) -> str:
    [ada] = enrol(hosted, program, "m-1")
    return invite(hosted, program, ada)


def test_a_coordinator_signs_in_and_is_who_the_token_says(hosted: Hosted, parts: Parts) -> None:
    result = sign_in(hosted).result
    assert parts.verify(result["access_token"]).person == COORDINATOR
    assert result["person_id"] == str(COORDINATOR)
    assert result["expires_in"] == 600


def test_how_an_email_is_written_does_not_matter(hosted: Hosted) -> None:
    assert sign_in(hosted, email="grace.hopper@EXAMPLE.org").result["person_id"] == str(COORDINATOR)


def test_wrong_email_and_wrong_password_are_told_alike(hosted: Hosted) -> None:
    answers = []
    for email, password in ((EMAIL, "wrong password"), ("nobody@example.org", PASSWORD)):
        with pytest.raises(CredentialsWrong) as refused:
            sign_in(hosted, email, password)
        answers.append(refused.value.to_wire())
    assert answers[0] == answers[1]


def test_wrong_email_and_wrong_password_take_as_long(hosted: Hosted) -> None:
    def work(email: str) -> float:
        start = time.process_time()
        with pytest.raises(CredentialsWrong):
            sign_in(hosted, email, "wrong password")
        return time.process_time() - start

    known, unknown = (min(work(email) for _ in range(5)) for email in (EMAIL, "nobody@example.org"))
    assert 0.5 < known / unknown < 2


def test_starting_again_changes_nothing_not_even_the_password(hosted: Hosted) -> None:
    before = hosted.log.head()
    assert appoint(hosted, "another password") == Done()
    assert hosted.log.head() == before
    sign_in(hosted)
    with pytest.raises(CredentialsWrong):
        sign_in(hosted, password="another password")


def test_a_first_start_that_was_cut_off_is_completed_with_the_latest_password(hosted: Hosted) -> None:
    ada, command_id = uuid4(), new_id()
    with power_cut(hosted, written=False):
        appoint(hosted, "first password", person=ada, email="ada@example.org", command_id=command_id)
    appoint(hosted, "second password", person=ada, email="ada@example.org", command_id=command_id)
    assert sign_in(hosted, "ada@example.org", "second password").result["person_id"] == str(ada)
    with pytest.raises(CredentialsWrong):
        sign_in(hosted, "ada@example.org", "first password")


def test_only_the_platform_appoints_coordinators(hosted: Hosted) -> None:
    for somebody in (COORDINATOR, uuid4(), "anonymous"):
        with pytest.raises(PlatformOnly):
            appoint(hosted, "another password", person=uuid4(), email="ada@example.org", by=somebody)


def test_only_coordinators_create_programmes(hosted: Hosted, invited: str) -> None:
    person = hosted.send(acceptance(invited), "anonymous").result["person_id"]
    for somebody in (person, uuid4(), "anonymous", "system:install"):
        with pytest.raises(OnlyCoordinators):
            hosted.send(CreateProgram(program_id=uuid4(), name="Mine", at=clock.now()), somebody)


def test_who_accepted_an_invitation_signs_in(hosted: Hosted, invited: str) -> None:
    person = hosted.send(acceptance(invited), "anonymous").result["person_id"]
    assert sign_in(hosted, "ada@example.org", "difference engine").result["person_id"] == person


def test_a_password_counts_only_once_the_log_says_so(hosted: Hosted, invited: str) -> None:
    command_id = new_id()
    with power_cut(hosted, written=False):
        hosted.send(acceptance(invited), "anonymous", command_id=command_id)
    with hosted.runtime.database.connect() as connection:
        assert len(connection.execute(select(tables.credentials)).all()) == 2
    with pytest.raises(CredentialsWrong):
        sign_in(hosted, "ada@example.org", "difference engine")
    hosted.send(acceptance(invited), "anonymous", command_id=command_id)
    sign_in(hosted, "ada@example.org", "difference engine")


def test_an_acceptance_that_was_recorded_but_not_answered_is_answered_when_repeated(
    hosted: Hosted, invited: str
) -> None:
    command_id = new_id()
    with power_cut(hosted, written=True):
        hosted.send(acceptance(invited), "anonymous", command_id=command_id)
    again = hosted.send(acceptance(invited), "anonymous", command_id=command_id)
    assert again.repeated
    sign_in(hosted, "ada@example.org", "difference engine")


@pytest.mark.parametrize("other", [{"password": "analytical engine"}, {"email": "ada@example.com"}])
def test_an_acceptance_is_not_repeated_with_another_email_or_password(
    hosted: Hosted, invited: str, other: dict[str, str]
) -> None:
    command_id = new_id()
    hosted.send(acceptance(invited), "anonymous", command_id=command_id)
    with pytest.raises(CommandReused):
        hosted.send(acceptance(invited, **other), "anonymous", command_id=command_id)
    sign_in(hosted, "ada@example.org", "difference engine")


def test_two_people_cannot_have_the_same_email(hosted: Hosted, program: UUID, invited: str) -> None:
    with pytest.raises(EmailTaken):
        hosted.send(acceptance(invited, email=EMAIL.upper()), "anonymous")
    with hosted.runtime.database.connect() as connection:
        assert len(connection.execute(select(tables.credentials)).all()) == 1
    hosted.send(acceptance(invited), "anonymous")


def test_of_two_who_race_for_an_email_the_log_lets_one_win(
    hosted: Hosted, program: UUID, invited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second looks before the first has recorded, and records after."""
    [grace] = enrol(hosted, program, "m-2")
    other = invite(hosted, program, grace)
    keep = Credentials.keep

    def keep_after_the_other(*these: Any) -> None:
        monkeypatch.setattr(Credentials, "keep", keep)
        hosted.send(acceptance(other), "anonymous")
        keep(*these)

    monkeypatch.setattr(Credentials, "keep", keep_after_the_other)
    with pytest.raises(EmailTaken):
        hosted.send(acceptance(invited, password="the losing password"), "anonymous")
    assert sign_in(hosted, "ada@example.org", "difference engine").result["person_id"] == str(grace)
    with pytest.raises(CredentialsWrong):
        sign_in(hosted, "ada@example.org", "the losing password")


def test_no_email_or_name_is_in_the_log_and_no_password_anywhere(
    hosted: Hosted, parts: Parts, invited: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    command = acceptance(invited)
    hosted.send(command, "anonymous")
    token = sign_in(hosted, "ada@example.org", "difference engine").result["refresh_token"]
    text = "".join(one.data for one in hosted.log.read(0)).lower()
    assert not any(word in text for word in ("example.org", "@", '"ada"', "hopper"))
    written = b"".join(path.read_bytes() for path in parts.settings.secrets_dir.parent.glob("*.db*"))
    for secret in ("difference engine", PASSWORD, token, invited, "example.org"):
        assert secret.encode() not in written
        assert secret not in caplog.text
    assert not any(secret in repr(command) for secret in ("difference engine", invited))


def test_a_password_that_is_too_short_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="at least 12") as refused:
        acceptance("token", password="tooshort")
    assert "tooshort" not in str(refused.value)


def test_ten_failures_hold_up_that_email_and_no_other(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    for email in (EMAIL, "nobody@example.org"):
        for _ in range(ATTEMPTS):
            with pytest.raises(CredentialsWrong):
                sign_in(hosted, email, "wrong password")
        with pytest.raises(TooManyAttempts) as refused:
            sign_in(hosted, email)
        assert refused.value.to_wire()["kind"] == "throttled"
        assert 0 < refused.value.facts["retry_after"] <= 901
    with pytest.raises(CredentialsWrong):
        sign_in(hosted, "somebody.else@example.org")
    later = clock.now() + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    sign_in(hosted)


def test_a_success_clears_the_failures_before_it(hosted: Hosted) -> None:
    for _ in range(2):
        for _ in range(ATTEMPTS - 1):
            with pytest.raises(CredentialsWrong):
                sign_in(hosted, password="wrong password")
        sign_in(hosted)


def test_a_session_goes_on_with_a_new_token_each_time(hosted: Hosted, parts: Parts) -> None:
    first = sign_in(hosted).result["refresh_token"]
    second = refresh(hosted, first)
    third = refresh(hosted, second)
    assert len({first, second, third}) == 3
    done = hosted.send(RefreshSession(refresh_token=third, at=clock.now()), "anonymous")
    assert parts.verify(done.result["access_token"]).person == COORDINATOR


def test_a_token_that_is_used_again_ends_the_whole_session_and_no_other(hosted: Hosted) -> None:
    elsewhere = sign_in(hosted).result["refresh_token"]
    first = sign_in(hosted).result["refresh_token"]
    second = refresh(hosted, first)
    with pytest.raises(SessionOver):
        refresh(hosted, first)
    with pytest.raises(SessionOver):
        refresh(hosted, second)
    refresh(hosted, elsewhere)


def test_a_refresh_that_is_delivered_twice_answers_the_same(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    first, command_id = sign_in(hosted).result["refresh_token"], new_id()
    second = refresh(hosted, first, command_id)
    assert refresh(hosted, first, command_id) == second
    refresh(hosted, second)
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(SessionOver):
        refresh(hosted, first, command_id)


def test_a_session_ends_after_thirty_idle_days(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sign_in(hosted).result["refresh_token"]
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=29))
    second = refresh(hosted, first)
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=58))
    third = refresh(hosted, second)
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=89))
    with pytest.raises(SessionOver):
        refresh(hosted, third)


def test_signing_out_ends_the_session_and_may_be_repeated(hosted: Hosted) -> None:
    first = sign_in(hosted).result["refresh_token"]
    second = refresh(hosted, first)
    for _ in range(2):
        hosted.send(SignOut(refresh_token=first, at=clock.now()), "anonymous")
    with pytest.raises(SessionOver):
        refresh(hosted, second)


def test_a_made_up_refresh_token_is_refused(hosted: Hosted) -> None:
    with pytest.raises(SessionOver):
        refresh(hosted, "made up")

import hashlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.files.domain import (
    Fact,
    FileExists,
    FileGone,
    FileNotShared,
    FileTooLarge,
    FileUnknown,
    OwnersOnly,
    Phase,
    RelationshipNotActive,
    RelationshipUnknown,
    Stored,
    UploadDiffers,
    UploadIncomplete,
    Wish,
    downloadable,
)
from services.files.service import FILE as AGGREGATE
from shared.messages import Sealed
from shared.refusals import Refusal
from shared.service import Asker
from tests.scenario import Scenario
from tests.unit.files.people import (
    ADA,
    EVE,
    GRACE,
    LETTER,
    SHA256,
    SHARED,
    STARTED,
    WITHDRAWN,
    complete,
    known,
    start,
    withdraw,
)

THERE = Stored(len(LETTER), SHA256)
WORKING = [Phase.ACTIVE, Phase.PAUSED, Phase.CONCLUDING]
NOT_WORKING = [Phase.AGREEING, Phase.OVER]


def file(*events: Fact, by: UUID = ADA, phase: Phase | None = Phase.ACTIVE, stored: Stored | None = None) -> Scenario:
    return Scenario(AGGREGATE).given(*events).knowing(known(by, phase, stored))


@pytest.mark.parametrize("phase", WORKING)
def test_a_member_announces_a_file_while_the_two_work_together(phase: Phase) -> None:
    file(phase=phase).when(start()).then(STARTED)


@pytest.mark.parametrize("phase", NOT_WORKING)
def test_no_file_is_announced_before_or_after_that(phase: Phase) -> None:
    file(phase=phase).when(start()).refuses(RelationshipNotActive)


def test_a_stranger_learns_nothing_of_the_relationship() -> None:
    file(by=EVE).when(start()).refuses(RelationshipUnknown)
    file(phase=None).when(start()).refuses(RelationshipUnknown)
    nobody = known()
    Scenario(AGGREGATE).knowing(type(nobody)(Asker(), nobody.relationship)).when(start()).refuses(RelationshipUnknown)


def test_a_file_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert file().when(start(size=1000)).refusal is None
    refusal = file().when(start(size=1001)).refuses(FileTooLarge)
    assert refusal.facts == {"size": 1001, "max_bytes": 1000}


def test_a_file_is_announced_once() -> None:
    file(STARTED).when(start()).refuses(FileExists)


@pytest.mark.parametrize("name", ["", "../plan.txt", "plan\r\nSet-Cookie: x", "c:\\plan.txt", "a\x00b", "n" * 256])
def test_a_name_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        start(name=name)


def test_the_bytes_announced_are_shared() -> None:
    file(STARTED, stored=THERE).when(complete()).then(SHARED)


def test_without_bytes_the_upload_is_incomplete() -> None:
    file(STARTED).when(complete()).refuses(UploadIncomplete)


@pytest.mark.parametrize("stored", [Stored(len(LETTER) + 1, SHA256), Stored(len(LETTER), hashlib.sha256().hexdigest())])
def test_other_bytes_are_told_apart_and_may_be_replaced(stored: Stored) -> None:
    refusal = file(STARTED, stored=stored).when(complete()).refuses(UploadDiffers)
    assert refusal.facts == {
        "announced": {"size": len(LETTER), "sha256": SHA256},
        "stored": {"size": stored.size, "sha256": stored.sha256},
    }
    file(STARTED, stored=THERE).when(complete()).then(SHARED)


def test_a_file_is_shared_once() -> None:
    file(STARTED, SHARED).when(complete()).then()


@pytest.mark.parametrize("phase", NOT_WORKING)
def test_nothing_is_shared_once_the_two_no_longer_work_together(phase: Phase) -> None:
    file(STARTED, stored=THERE, phase=phase).when(complete()).refuses(RelationshipNotActive)


@pytest.mark.parametrize("command", [complete(), withdraw()])
def test_only_the_owner_completes_and_withdraws(command: Wish) -> None:
    file(STARTED, by=GRACE, stored=THERE).when(command).refuses(OwnersOnly)
    file(STARTED, by=EVE, stored=THERE).when(command).refuses(FileUnknown)
    file().when(command).refuses(FileUnknown)


@pytest.mark.parametrize("history", [(STARTED,), (STARTED, SHARED)])
@pytest.mark.parametrize("phase", Phase)
def test_a_file_is_withdrawn_at_any_time(history: tuple[Fact, ...], phase: Phase) -> None:
    file(*history, phase=phase).when(withdraw()).then(WITHDRAWN)


def test_a_withdrawn_file_stays_withdrawn() -> None:
    file(STARTED, SHARED, WITHDRAWN).when(withdraw()).then()
    file(STARTED, WITHDRAWN, stored=THERE).when(complete()).refuses(FileGone)
    file(STARTED, WITHDRAWN).when(start()).refuses(FileExists)


@pytest.mark.parametrize("by", [ADA, GRACE])
@pytest.mark.parametrize("phase", [*WORKING, Phase.OVER])
def test_both_may_download_what_is_shared_also_when_it_is_over(by: UUID, phase: Phase) -> None:
    assert downloadable(file(STARTED, SHARED).state(), known(by, phase)).name == "plan.txt"


@pytest.mark.parametrize(
    ("events", "by", "refusal"),
    [
        ((), ADA, FileUnknown),
        ((STARTED, SHARED), EVE, FileUnknown),
        ((STARTED,), GRACE, FileNotShared),
        ((STARTED, SHARED, WITHDRAWN), GRACE, FileGone),
        ((STARTED.model_copy(update={"name": Sealed("sealed:1:…")}), SHARED), GRACE, FileGone),
    ],
)
def test_nobody_downloads_anything_else(events: tuple[Fact, ...], by: UUID, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        downloadable(file(*events).state(), known(by))


@given(st.lists(st.sampled_from([STARTED, SHARED, WITHDRAWN])))
def test_every_history_can_be_folded(events: list[Fact]) -> None:
    """Also a part of one, as a reader of one subject's events might have it."""
    file(*events).state()

from datetime import UTC, datetime

import pytest

from services.gateway.catalogue import CATALOGUE
from services.gateway.summary import SummaryColumn, evolve_summary, fold
from services.matching.domain.relationship import Active
from shared.log import EventLog, Recorded
from shared.vault import Vault
from tests.unit.gateway.history import SOMETIME, Story, write


@pytest.fixture
def history(log: EventLog, vault: Vault, story: Story) -> list[Recorded]:
    write(log, vault, story, story.relationship_events())
    return log.of_subject(story.relationship)


def test_a_relationship_is_the_fold_of_all_its_events_whoever_wrote_them(history: list[Recorded], story: Story) -> None:
    summary = fold(history)
    assert summary is not None
    assert isinstance(summary.state, Active)
    assert summary.version == 8
    assert summary.position == history[-1].position
    assert (summary.began_at, summary.last_at) == (history[0].recorded_at, history[-1].recorded_at)
    activity = summary.activity
    assert (activity.messages, activity.meetings, activity.meetings_cancelled) == (2, 1, 1)
    assert (activity.goals, activity.goals_reached, activity.files) == (1, 1, 1)
    assert activity.last_meeting_at == SOMETIME


def test_texts_stay_sealed_in_it(history: list[Recorded]) -> None:
    summary = fold(history)
    assert summary is not None
    assert summary.state.about.message.startswith("sealed:")
    assert summary.state.about.proposals[0].scope.startswith("sealed:")


def test_it_goes_on_from_what_was_kept_at_every_event(history: list[Recorded]) -> None:
    column = SummaryColumn()
    kept = None
    for number, recorded in enumerate(history, start=1):
        event = CATALOGUE.decode(recorded)
        assert event is not None
        summary = evolve_summary(kept, event, recorded)
        kept = column.process_result_value(column.process_bind_param(summary, None), None)
        assert kept == summary == fold(history[:number])


def test_there_is_nothing_before_it_begins(history: list[Recorded]) -> None:
    assert fold([]) is None
    assert fold(history[1:]) is None


def test_as_of_is_when_it_was_recorded(log: EventLog, history: list[Recorded], story: Story) -> None:
    then = fold(log.of_subject(story.relationship, until=history[0].recorded_at))
    assert then is not None
    assert then.position == history[0].position
    assert fold(log.of_subject(story.relationship, until=datetime(2020, 1, 1, tzinfo=UTC))) is None

"""What was written in an earlier version is read everywhere as if it were the latest; a later one is not guessed at."""

import threading

import pytest
from sqlalchemy import Engine, MetaData, select

from services.gateway.following import Trouble, checkpoint, follow
from services.gateway.rebuild import verify
from services.gateway.summary import fold
from services.gateway.telling import tell
from services.gateway.views.goals import VIEW as GOALS
from services.goals.events import GoalSet
from shared.log import EventLog, Recorded
from shared.messages import VersionUnknown
from shared.projection import Projection
from shared.vault import Vault
from tests.unit.gateway.history import Story, write
from tests.unit.gateway.test_following import eventually

Views = tuple[Projection, ...]


@pytest.fixture
def history(log: EventLog, vault: Vault, story: Story) -> list[Recorded]:
    write(log, vault, story, story.people() + story.relationship_events())
    return log.read(0)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases later: what version 2 calls `baseline` was `begin` in version 3, and is `baseline` again in 4."""
    monkeypatch.setattr(GoalSet, "schema_version", 4)
    steps = {
        2: lambda data: {**data, "begin": data.pop("baseline")},
        3: lambda data: {**data, "baseline": data.pop("begin")},
    }
    monkeypatch.setattr(GoalSet, "upcasters", {**GoalSet.upcasters, **steps})


def written(history: list[Recorded], version: int, name: str) -> list[Recorded]:
    """As if this version, with this name for `baseline`, had been the latest when the goal was set."""
    return [
        one._replace(schema_version=version, data=one.data.replace('"baseline":0', f'"{name}":0'))
        if one.type == GoalSet.type
        else one
        for one in history
    ]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(("version", "name"), [(1, "baseline"), (2, "baseline"), (3, "begin"), (4, "baseline")])
def test_views_folds_and_tales_read_every_version_alike(
    version: int, name: str, history: list[Recorded], vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    events = written(history, version, name)
    assert f'"{name}":0' in next(one.data for one in events if one.type == GoalSet.type)
    with database.begin() as connection:
        for view in views:
            view.apply(connection, events)
        [row] = connection.execute(select(GOALS.table(MetaData()))).mappings()
    assert (row["baseline"], row["value"], vault.reveal(row["title"])) == (0, 5, "Finish five interviews")
    summary = fold([one for one in events if one.subject == story.relationship])
    assert summary is not None
    assert (summary.activity.goals, summary.activity.goals_reached) == (1, 1)
    [told] = [tell(one, vault.reveal) for one in events if one.type == GoalSet.type]
    assert (told.data["baseline"], told.data["title"]) == (0, "Finish five interviews")
    assert "begin" not in told.data


def test_before_a_version_of_a_later_release_the_views_stop_until_that_release_runs(
    log: EventLog, history: list[Recorded], database: Engine, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.following.IDLE_SECONDS", 0.01)
    [at] = [one.position for one in history if one.type == GoalSet.type]
    trouble, stop = Trouble(), threading.Event()
    thread = threading.Thread(target=follow, args=(log, database, views, stop), kwargs={"trouble": trouble})
    with monkeypatch.context() as earlier:
        earlier.setattr(GoalSet, "schema_version", 1)
        thread.start()
        eventually(lambda: trouble.at == at)
        assert checkpoint(database, views) == at - 1
    eventually(lambda: checkpoint(database, views) == history[-1].position)
    stop.set()
    thread.join()
    assert verify(log, database, views).equal


def test_neither_a_fold_nor_a_tale_guesses_at_a_version_of_a_later_release(
    history: list[Recorded], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GoalSet, "schema_version", 1)
    for read in (fold, lambda events: [tell(one, vault.reveal) for one in events]):
        with pytest.raises(VersionUnknown, match=r"goals\.goal_set version 2: services\.goals\.events reads version 1"):
            read(history)

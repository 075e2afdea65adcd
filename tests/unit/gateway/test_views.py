from sqlalchemy import Engine, event, select

from services.gateway.views import OPENED, VIEWS, accounts, files, goals, meetings, people, profiles, relationships
from services.identity.events import PersonInvited
from services.registry import CATALOGUE
from shared.ids import NIL, new_id
from shared.log import EventLog
from shared.projection import Projection
from shared.vault import Vault
from tests.unit.gateway.history import SOMETIME, Story, write

Views = tuple[Projection, ...]


def apply(log: EventLog, database: Engine, views: Views) -> None:
    with database.begin() as connection:
        for projection in views:
            projection.apply(connection, log.read(0))


def test_every_view_begins_its_key_with_the_programme() -> None:
    assert {view.columns[0].name for view in VIEWS + OPENED} == {"program"}
    assert all(view.columns[0].primary_key for view in VIEWS + OPENED)


def test_a_row_is_not_looked_for_by_the_event_that_begins_it(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people() + story.relationship_events())
    asked: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *told: asked.append(told[2]))
    begun: set[str] = set()
    for recorded in log.read(0):
        asked.clear()
        with database.begin() as connection:
            for projection in views:
                projection.apply(connection, [recorded])
        beginning = {v.name for v in VIEWS + OPENED if CATALOGUE.types[recorded.type] in v.begun_by}
        assert not {name for name in beginning if any(f"FROM {name} " in one for one in map(_in_one_line, asked))}
        begun |= beginning
    assert begun == {view.name for view in VIEWS + OPENED} - {"webhooks"}


def test_in_one_batch_no_row_is_looked_for_that_begins_in_it(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people() + story.relationship_events())
    asked: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *told: asked.append(told[2]))
    apply(log, database, views)
    assert not [one for one in asked if one.startswith("SELECT")]


def _in_one_line(statement: str) -> str:
    return " ".join(statement.split())


def test_a_relationship_brings_its_programme_and_its_peoples_names(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people() + story.relationship_events())
    apply(log, database, views)
    with database.connect() as connection:
        row = relationships.relationship(connection, story.relationship)
        assert row is not None
        assert (row.mentee_external_id, row.mentor_external_id, row.status) == ("ada", "grace", "active")
        assert vault.reveal(row.mentee_name) == "Ada"
        assert relationships.places_taken(connection, story.program) == {story.grace: 1}
        assert relationships.open_with(connection, story.program, story.ada) == {story.grace}
        assert relationships.ids_of(connection, story.grace) == [story.relationship]


def test_goal_meeting_and_file_stand_as_their_last_events_left_them(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people() + story.relationship_events())
    apply(log, database, views)
    with database.connect() as connection:
        [goal] = goals.goals_of(connection, story.relationship)
        assert (goal.status, goal.value, goal.version, len(goal.records)) == ("reached", 5, 3, 1)
        [meeting] = meetings.meetings_of(connection, story.relationship)
        assert (meeting.status, meeting.version) == ("cancelled", 2)
        [file] = files.files_of(connection, story.relationship)
        assert (file.status, file.version) == ("shared", 2)


def test_a_person_is_found_by_programme_and_account_by_the_person_alone(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people())
    invited = PersonInvited(person_id=story.ada, program_id=story.program, invitation_id=new_id(), expires_at=SOMETIME)
    write(log, vault, story, [(f"person-{story.ada}", invited)])
    apply(log, database, views)
    with database.connect() as connection:
        row = people.enrolment(connection, story.program, story.ada)
        assert row is not None
        assert (row.external_id, row.invited_until) == ("ada", SOMETIME)
        assert row.timezone.startswith("sealed:")
        account = accounts.account(connection, story.ada)
        assert account is not None
        assert account.program == NIL
        assert people.not_signed_up(connection, story.program) == []


def test_what_is_scored_stands_in_plain(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people())
    apply(log, database, views)
    with database.connect() as connection:
        profile = profiles.profile(connection, story.program, story.grace)
        assert profile is not None
        assert (profile.skills, profile.timezone, profile.capacity) == (["python"], "America/New_York", 2)


def test_who_was_erased_is_scored_no_more_and_has_no_name(
    log: EventLog, vault: Vault, database: Engine, views: Views, story: Story
) -> None:
    write(log, vault, story, story.people() + story.relationship_events())
    vault.erase(story.grace)
    apply(log, database, views)
    with database.connect() as connection:
        assert [row.person_id for row in connection.execute(select(profiles.table))] == [story.ada]
        row = relationships.relationship(connection, story.relationship)
        assert row is not None
        assert (vault.reveal(row.mentor_name), vault.reveal(row.mentee_name)) == (None, "Ada")

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.matching.events import (
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipEnded,
    RelationshipPaused,
)
from services.messaging.commands import CancelMeeting, OpenConversation, PostMessage, ScheduleMeeting
from services.messaging.domain.conversation import (
    Closed,
    ConversationClosed,
    ConversationFollowsRelationship,
    ConversationNotFound,
    ConversationNotOpen,
    NotOpened,
    Open,
)
from services.messaging.domain.meeting import Cancelled, MeetingNotFound, Scheduled
from services.messaging.domain.message import Posted
from services.messaging.service import CONVERSATION, MEETING, MESSAGE, assemble
from shared import clock
from shared.ids import new_id
from shared.messages import Event, Sealed
from shared.parts import Parts
from shared.service import Done
from tests.hosted import Hosted
from tests.unit.messaging.people import ADA, CLOSED, EVE, GRACE, OPEN, RELATIONSHIP, ROOM

PROGRAM = uuid4()
ACTIVATED = RelationshipActivated(relationship_id=RELATIONSHIP, mentor_id=ADA, mentee_id=GRACE)
OVER = [
    RelationshipCompleted(relationship_id=RELATIONSHIP),
    RelationshipEnded(relationship_id=RELATIONSHIP, ended_by=ADA, reason="Moving away"),
]


def post(hosted: Hosted, by: UUID, text: str = "Hello", message_id: UUID | None = None) -> Done:
    wish = PostMessage(message_id=message_id or new_id(), conversation_id=ROOM, text=text, at=clock.now())
    return hosted.send(wish, by, program=PROGRAM)


def schedule(hosted: Hosted, by: UUID) -> UUID:
    meeting_id = new_id()
    wish = ScheduleMeeting(
        meeting_id=meeting_id,
        conversation_id=ROOM,
        title="Tea",
        starts_at=clock.now() + timedelta(days=1),
        duration_minutes=30,
        time_zone="Asia/Kolkata",
        at=clock.now(),
    )
    hosted.send(wish, by, program=PROGRAM)
    return meeting_id


def cancel(hosted: Hosted, meeting_id: UUID, by: UUID) -> None:
    hosted.send(CancelMeeting(meeting_id=meeting_id, reason="Ill", at=clock.now()), by)


def test_a_relationship_that_becomes_active_opens_its_room(hosted: Hosted) -> None:
    with pytest.raises(ConversationNotOpen):
        post(hosted, GRACE)
    heard = hosted.told(ACTIVATED, program=PROGRAM)
    assert hosted.runtime.load(CONVERSATION, ROOM) == (OPEN, 1)
    opened = hosted.log.read(heard.position)[0]
    assert (opened.program, opened.subject) == (PROGRAM, RELATIONSHIP)
    assert opened.actor == "system:open_conversation_when_relationship_activated"
    assert opened.causation_id == heard.event_id
    post(hosted, GRACE)


@pytest.mark.parametrize("over", OVER, ids=lambda event: event.type)
def test_a_relationship_that_is_over_closes_its_room(hosted: Hosted, over: Event) -> None:
    hosted.told(ACTIVATED)
    hosted.told(over)
    assert hosted.runtime.load(CONVERSATION, ROOM) == (CLOSED, 2)
    with pytest.raises(ConversationClosed):
        post(hosted, ADA)


@pytest.mark.parametrize("over", OVER, ids=lambda event: event.type)
def test_a_relationship_that_was_never_active_has_no_room_to_close(hosted: Hosted, over: Event) -> None:
    hosted.told(over)
    assert hosted.runtime.load(CONVERSATION, ROOM) == (NotOpened(), 0)


def test_the_two_go_on_talking_while_the_relationship_is_paused(hosted: Hosted) -> None:
    hosted.told(ACTIVATED)
    hosted.told(RelationshipPaused(relationship_id=RELATIONSHIP, paused_by=GRACE, reason="Exams"))
    post(hosted, GRACE)
    schedule(hosted, ADA)


def test_each_relationship_has_a_room_of_its_own(hosted: Hosted) -> None:
    hosted.told(ACTIVATED)
    hosted.told(RelationshipActivated(relationship_id=uuid4(), mentor_id=ADA, mentee_id=EVE))
    with pytest.raises(ConversationNotFound):
        post(hosted, EVE)
    hosted.told(RelationshipEnded(relationship_id=uuid4(), ended_by=ADA, reason="Another one"))
    assert isinstance(hosted.runtime.load(CONVERSATION, ROOM)[0], Open)


def test_what_is_said_stands_sealed_in_the_log_under_its_relationship(hosted: Hosted) -> None:
    hosted.told(ACTIVATED)
    message_id = new_id()
    done = post(hosted, ADA, "Between you and me", message_id)
    state, _ = hosted.runtime.load(MESSAGE, message_id)
    assert isinstance(state, Posted)
    assert state.author_id == ADA
    assert isinstance(state.text, Sealed)
    assert hosted.vault.reveal(state.text) == "Between you and me"
    recorded = hosted.log.read(done.position - 1)[0]
    assert recorded.subject == RELATIONSHIP
    assert "Between" not in recorded.data


def test_a_meeting_gets_a_room_at_jitsi(hosted: Hosted) -> None:
    hosted.told(ACTIVATED)
    state, _ = hosted.runtime.load(MEETING, schedule(hosted, ADA))
    assert isinstance(state, Scheduled)
    assert state.video_url.startswith("https://meet.jit.si/mentoring-")
    assert "{" not in state.video_url


def test_a_meeting_is_cancelled_by_those_who_would_meet(hosted: Hosted) -> None:
    hosted.told(ACTIVATED)
    meeting_id = schedule(hosted, ADA)
    with pytest.raises(MeetingNotFound):
        cancel(hosted, meeting_id, EVE)
    cancel(hosted, meeting_id, GRACE)
    assert isinstance(hosted.runtime.load(MEETING, meeting_id)[0], Cancelled)


def test_a_meeting_that_nobody_scheduled_is_not_found(hosted: Hosted) -> None:
    with pytest.raises(MeetingNotFound):
        cancel(hosted, new_id(), ADA)


def test_a_person_cannot_open_a_room_for_herself(hosted: Hosted) -> None:
    wish = OpenConversation(conversation_id=ROOM, relationship_id=RELATIONSHIP, participants=(EVE,), at=clock.now())
    with pytest.raises(ConversationFollowsRelationship):
        hosted.send(wish, EVE)


def test_a_rebuilt_service_hears_everything_again_without_effect(hosted: Hosted) -> None:
    for event in (ACTIVATED, OVER[0]):
        hosted.told(event)
    head = hosted.log.head()
    for recorded in hosted.log.read(0):
        hosted.subscription._follow_policies(recorded)
    assert hosted.log.head() == head
    assert isinstance(hosted.runtime.load(CONVERSATION, ROOM)[0], Closed)


def test_meetings_take_place_where_the_settings_say(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTORING_VIDEO_URL_TEMPLATE", "https://video.example/{room}#audio")
    hosted = Hosted(assemble(parts), parts)
    hosted.told(ACTIVATED)
    state, _ = hosted.runtime.load(MEETING, schedule(hosted, ADA))
    assert isinstance(state, Scheduled)
    assert state.video_url.startswith("https://video.example/mentoring-")
    assert state.video_url.endswith("#audio")


@pytest.mark.parametrize("template", ["https://video.example/", "", "javascript:alert('{room}')"])
def test_a_template_without_a_room_stops_the_start(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    monkeypatch.setenv("MENTORING_VIDEO_URL_TEMPLATE", template)
    with pytest.raises(ValidationError, match=r"MENTORING_VIDEO_URL_TEMPLATE must be a web address with \{room\}"):
        assemble(parts)

from uuid import uuid4

from services.messaging import events
from services.messaging.commands import CloseConversation, OpenConversation
from services.messaging.domain import conversation_of
from services.messaging.domain.conversation import ConversationFollowsRelationship
from services.messaging.service import CONVERSATION
from shared.service import Asker
from tests.scenario import Scenario
from tests.unit.messaging.people import ADA, CLOSED, GRACE, NOW, RELATIONSHIP, ROOM, asks

POLICY = Asker("system:policy")

conversation = Scenario(CONVERSATION, known=POLICY)
opened = events.ConversationOpened(conversation_id=ROOM, relationship_id=RELATIONSHIP, participants=(ADA, GRACE))
closed = events.ConversationClosed(conversation_id=ROOM, relationship_id=RELATIONSHIP)
open_it = OpenConversation(conversation_id=ROOM, relationship_id=RELATIONSHIP, participants=(ADA, GRACE), at=NOW)
close_it = CloseConversation(conversation_id=ROOM, at=NOW)


def test_a_policy_opens_the_room_of_ada_and_grace() -> None:
    conversation.when(open_it).then(opened)


def test_an_open_room_is_not_opened_twice() -> None:
    conversation.given(opened).when(open_it).then()


def test_a_policy_closes_the_room() -> None:
    closing = conversation.given(opened).when(close_it).then(closed)
    assert closing.state() == CLOSED


def test_a_closed_room_is_not_closed_twice() -> None:
    conversation.given(opened, closed).when(close_it).then()


def test_a_room_that_never_opened_is_not_closed() -> None:
    conversation.when(close_it).then()


def test_a_closed_room_can_be_opened_again() -> None:
    conversation.given(opened, closed).when(open_it).then(opened)


def test_ada_herself_cannot_open_or_close_the_room() -> None:
    hers = conversation.knowing(asks(ADA))
    hers.when(open_it).refuses(ConversationFollowsRelationship)
    hers.given(opened).when(close_it).refuses(ConversationFollowsRelationship)


def test_nobody_can_open_or_close_the_room_without_signing_in() -> None:
    conversation.knowing(Asker()).when(open_it).refuses(ConversationFollowsRelationship)


def test_the_rooms_id_follows_from_the_relationship() -> None:
    assert conversation_of(RELATIONSHIP) == ROOM
    assert conversation_of(uuid4()) != ROOM

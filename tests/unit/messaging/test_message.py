from uuid import uuid4

import pytest
from pydantic import ValidationError

from services.messaging.commands import PostMessage
from services.messaging.domain.conversation import (
    ConversationClosed,
    ConversationNotFound,
    ConversationNotOpen,
)
from services.messaging.domain.message import Known, MessageAlreadyPosted, Posted
from services.messaging.events import MessagePosted
from services.messaging.service import MESSAGE
from shared.service import Asker
from tests.scenario import Scenario
from tests.unit.messaging.people import ADA, CLOSED, EVE, GRACE, NOT_OPENED, NOW, OPEN, RELATIONSHIP, ROOM, asks

HELLO = uuid4()

message = Scenario(MESSAGE)
say_hello = PostMessage(message_id=HELLO, conversation_id=ROOM, text="Hello Grace", at=NOW)
hello = MessagePosted(
    message_id=HELLO, conversation_id=ROOM, relationship_id=RELATIONSHIP, author_id=ADA, text="Hello Grace"
)


def test_ada_writes_to_grace() -> None:
    posted = message.knowing(Known(asks(ADA), OPEN)).when(say_hello).then(hello)
    assert posted.state() == Posted(HELLO, ROOM, RELATIONSHIP, ADA, "Hello Grace")


def test_nobody_writes_before_the_room_is_open() -> None:
    refusal = message.knowing(Known(asks(ADA), NOT_OPENED)).when(say_hello).refuses(ConversationNotOpen)
    assert refusal.code == "conversation_not_open"


def test_eve_does_not_even_learn_that_there_is_a_room() -> None:
    for room in (OPEN, CLOSED):
        message.knowing(Known(asks(EVE), room)).when(say_hello).refuses(ConversationNotFound)


def test_nobody_writes_without_signing_in() -> None:
    message.knowing(Known(Asker(), OPEN)).when(say_hello).refuses(ConversationNotFound)


def test_nothing_more_is_said_in_a_closed_room() -> None:
    refusal = message.knowing(Known(asks(ADA), CLOSED)).when(say_hello).refuses(ConversationClosed)
    assert refusal.code == "conversation_closed"


def test_a_messages_id_serves_one_message() -> None:
    message.given(hello).knowing(Known(asks(GRACE), OPEN)).when(say_hello).refuses(MessageAlreadyPosted)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 10_001])
def test_a_message_says_something_but_not_everything(text: str) -> None:
    with pytest.raises(ValidationError):
        PostMessage(message_id=HELLO, conversation_id=ROOM, text=text, at=NOW)

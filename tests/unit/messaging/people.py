"""Ada mentors Grace; Eve has nothing to do with them."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.messaging.domain import conversation_of
from services.messaging.domain.conversation import Closed, NotOpened, Open
from shared.service import Asker

ADA, GRACE, EVE = uuid4(), uuid4(), uuid4()
RELATIONSHIP = uuid4()
ROOM = conversation_of(RELATIONSHIP)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

NOT_OPENED = NotOpened()
OPEN = Open(ROOM, RELATIONSHIP, (ADA, GRACE))
CLOSED = Closed(ROOM, RELATIONSHIP, (ADA, GRACE))


def asks(person: UUID) -> Asker:
    return Asker(str(person))

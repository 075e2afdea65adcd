"""What messaging decides, and why it refuses: pure."""

from services.messaging.domain.conversation import conversation_of

__all__ = ["conversation_of"]

"""What is made from the platform's secret: e-mail digests, invitation links, refresh tokens."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from uuid import UUID

from services.identity.domain.person import InvitationUnknown


@dataclass(frozen=True)
class Keyring:
    """Digests under the platform's secret: without it they tell nothing, and nobody can make one."""

    key: bytes = field(repr=False)

    def email(self, address: str) -> str:
        """Of an e-mail address however it is written."""
        return self._digest("email", address.strip().casefold().encode()).hex()

    def invitation(self, person_id: UUID, invitation_id: UUID) -> str:
        """The one-time token of a link."""
        ids = person_id.bytes + invitation_id.bytes
        return urlsafe_b64encode(ids + self._digest("invitation", ids)).decode().rstrip("=")

    def invited(self, token: str) -> tuple[UUID, UUID]:
        """Person and invitation. Raises `InvitationUnknown` for a token that was not made here."""
        person_id, invitation_id = addressed(token)
        if not hmac.compare_digest(self.invitation(person_id, invitation_id).encode(), token.encode()):
            raise InvitationUnknown()
        return person_id, invitation_id

    def next_refresh_token(self, token: str, command_id: UUID) -> str:
        return urlsafe_b64encode(self._digest("refresh", command_id.bytes + token.encode())).decode().rstrip("=")

    def _digest(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self.key, purpose.encode() + b":" + content, "sha256")


def addressed(token: str) -> tuple[UUID, UUID]:
    """The person and the invitation that a link's token claims to be for. Raises `InvitationUnknown`."""
    try:
        ids = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return UUID(bytes=ids[:16]), UUID(bytes=ids[16:32])
    except ValueError:
        raise InvitationUnknown() from None

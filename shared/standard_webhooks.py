"""Standard Webhooks: how a request is signed so that its receiver knows who sent it, and when.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from datetime import datetime
from uuid import UUID


def secret_of(key: bytes, webhook_id: UUID) -> bytes:
    """A webhook's own: whoever has the platform's key can make it again, so it is kept nowhere."""
    return hmac.digest(key, b"webhook:" + webhook_id.bytes, "sha256")


def written(secret: bytes) -> str:
    """As the receiver's library takes it."""
    return f"whsec_{b64encode(secret).decode()}"


def headers(secret: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }

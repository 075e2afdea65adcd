"""What is signed here is what the standard's own library verifies."""

from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared import clock
from shared.standard_webhooks import headers, secret_of, written

KEY = b"k" * 32
BODY = '{"name": "Zoë"}'.encode()


def test_the_standards_library_verifies_it() -> None:
    secret = secret_of(KEY, uuid4())
    assert Webhook(written(secret)).verify(BODY, headers(secret, "an id", clock.now(), BODY)) == {"name": "Zoë"}


def test_another_webhooks_secret_another_body_and_another_id_do_not_verify() -> None:
    secret = secret_of(KEY, uuid4())
    signed = headers(secret, "an id", clock.now(), BODY)
    for other, body, given in (
        (secret_of(KEY, uuid4()), BODY, signed),
        (secret, BODY + b" ", signed),
        (secret, BODY, {**signed, "webhook-id": "another"}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(written(other)).verify(body, given)


def test_a_secret_is_the_same_whenever_it_is_made_and_another_under_another_key() -> None:
    webhook_id = UUID(int=7)
    assert secret_of(KEY, webhook_id) == secret_of(KEY, webhook_id)
    assert secret_of(b"l" * 32, webhook_id) != secret_of(KEY, webhook_id)

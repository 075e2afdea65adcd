"""What stands in the broker: names, policies, and the users of those who subscribe, as definitions for RabbitMQ.

A definition is imported by `rabbitmqctl import_definitions <file>`, by the management API's `POST /api/definitions`, or
when the broker starts (`load_definitions`); to import it again is harmless.
"""

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

EXCHANGE = "mentoring.events"
STREAM = "mentoring.log"

GIB = 2**30
STREAM_BYTES = 20 * GIB
STREAM_AGE = "90D"
OUTSIDE_BYTES = GIB
WITHOUT_END = 1_000_000_000
CONNECTIONS = 10
CHANNELS = 100

Definitions = dict[str, Any]


def policies(vhost: str, outside_bytes: int = OUTSIDE_BYTES) -> Definitions:
    """The stream ends somewhere; a queue outside drops its oldest before it fills the disk; nothing inside is dropped.

    What services keep is named here, so that whatever else somebody declares is bounded.
    """
    retention = {"max-length-bytes": STREAM_BYTES, "max-age": STREAM_AGE}
    bounded = {"max-length-bytes": outside_bytes, "overflow": "drop-head"}
    return {
        "policies": [
            _policy(vhost, "stream", rf"^{re.escape(STREAM)}$", retention),
            _policy(vhost, "inside", r"^mentoring\.(?!log$)", {"delivery-limit": WITHOUT_END}),
            _policy(vhost, "outside", r"^(?!mentoring\.|rpc-|rpc\.reply-)", bounded),
        ]
    }


def subscriber(name: str, password: str, vhost: str, types: Sequence[str] = ()) -> Definitions:
    """A user and a queue of the same name, bound to these types. They may bind it otherwise, read it, and read the
    stream: nothing else.

    They declare nothing: a classic queue that rejects what it has no room for would stop the relay, whatever a policy
    says of it.
    Raises ValueError for a name that would mean something in a pattern.
    """
    if not re.fullmatch("[a-z][a-z0-9_-]{0,60}", name):
        raise ValueError("a subscriber's name has small letters, digits, - and _, and begins with a letter")
    queue = f"sub.{name}"
    own = re.escape(queue)
    there = {"vhost": vhost, "durable": True, "auto_delete": False}
    rights = {
        "configure": "^$",
        "write": f"^{own}$",
        "read": f"^({own}|{re.escape(EXCHANGE)}|{re.escape(STREAM)})$",
    }
    return {
        "users": [{**user(queue, password), "limits": {"max-connections": CONNECTIONS, "max-channels": CHANNELS}}],
        "permissions": [{"user": queue, "vhost": vhost, **rights}],
        "queues": [{"name": queue, "arguments": {"x-queue-type": "quorum"}, **there}],
        "exchanges": [{"name": EXCHANGE, "type": "topic", "internal": False, "arguments": {}, **there}],
        "bindings": [_binding(vhost, queue, one) for one in types],
    }


def user(name: str, password: str, tags: str = "") -> Definitions:
    """The broker keeps a salted hash: https://www.rabbitmq.com/docs/passwords#this-is-the-algorithm"""
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "name": name,
        "password_hash": b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def _binding(vhost: str, queue: str, types: str) -> Definitions:
    return {
        "vhost": vhost,
        "source": EXCHANGE,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": types,
        "arguments": {},
    }


def _policy(vhost: str, name: str, pattern: str, definition: Definitions) -> Definitions:
    return {
        "vhost": vhost,
        "name": name,
        "pattern": pattern,
        "apply-to": "queues",
        "priority": 0,
        "definition": definition,
    }

"""Checks a receipt for an event offline: `python check_receipt.py receipt.json [--key key.pem]`. Needs `cryptography`.

It recomputes everything: the event's fields lead to its hash, the hash and the path to the root, and the root, signed,
is the head. Exit status 0: the event stood in the log like this when the head was signed. Status 1: something differs.

The key in the receipt is the platform's word for it: with `--key`, only the one that you fetched yourself counts. With
`--head other.json --consistency proof.json` it also checks that the receipt's head and another one, which you or
somebody else kept, are of one and the same history.

Values that begin with `sealed:1:` are what people wrote, as the log keeps it: this proves that they were not changed
since, and shows nobody what they say.
"""

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

NONSENSE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT, NUMBER, ID, TIME = "text", "number", "id", "time"
FIELDS = {
    "position": NUMBER,
    "event_id": ID,
    "stream": TEXT,
    "version": NUMBER,
    "type": TEXT,
    "schema_version": NUMBER,
    "subject": ID,
    "program": ID,
    "actor": TEXT,
    "command_id": ID,
    "correlation_id": ID,
    "causation_id": ID,
    "occurred_at": TIME,
    "recorded_at": TIME,
    "data": TEXT,
}


class Wrong(Exception):
    """What differs."""


def check(receipt, key=None):
    """Raises Wrong, or one of NONSENSE for values that cannot be computed with."""
    event, head = receipt["event"], receipt["head"]
    require(set(receipt) == {"event", "previous_hash", "hash", "path", "head", "key"}, "this is not a receipt")
    require(set(event) == set(FIELDS), "these are not the fields of an event")
    fields = b"".join(framed(event[name], kind) for name, kind in FIELDS.items())
    event_hash = sha256(unhex(receipt["previous_hash"]) + fields).digest()
    require(event_hash == unhex(receipt["hash"]), "the event is not the one of this hash")
    root = root_of(event_hash, event["position"] - 1, head["size"], [unhex(step) for step in receipt["path"]])
    require(root == unhex(head["root"]), "the path does not lead to the head's root")
    require(key is None or load(key) == load(receipt["key"]), "the key is not the one that you trust")
    check_head(head, receipt["key"])


def check_head(head, key):
    text = f"log head\n{head['size']}\n{head['root']}\n{head['signed_at']}\n"
    try:
        load(key).verify(unhex(head["signature"]), text.encode())
    except InvalidSignature:
        raise Wrong("the head is not signed with this key") from None


def check_consistency(one, other, consistency):
    """That the larger of two heads begins with all that the smaller one covers (RFC 9162, 2.1.4.2)."""
    first, second = sorted((one, other), key=lambda head: head["size"])
    require((consistency["first"], consistency["second"]) == (first["size"], second["size"]), "another proof is needed")
    proof, size = [unhex(step) for step in consistency["proof"]], first["size"]
    if size == second["size"]:
        require(first["root"] == second["root"] and not proof, "two histories of the same length")
        return
    if size & (size - 1) == 0:
        proof.insert(0, unhex(first["root"]))
    index, last = size - 1, second["size"] - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    require(bool(proof), "the proof is empty")
    old = new = proof[0]
    for step in proof[1:]:
        require(last > 0, "the proof is too long")
        if index & 1 or index == last:
            old, new = parent(step, old), parent(step, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = parent(new, step)
        index, last = index >> 1, last >> 1
    whole = last == 0 and old == unhex(first["root"]) and new == unhex(second["root"])
    require(whole, "the two heads are of different histories")


def root_of(entry, index, size, path):
    """RFC 9162, 2.1.3.2."""
    require(0 <= index < size, "the head does not cover the event")
    node, last = sha256(b"\0" + entry).digest(), size - 1
    for step in path:
        require(last > 0, "the path is too long")
        if index & 1 or index == last:
            node = parent(step, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = parent(node, step)
        index, last = index >> 1, last >> 1
    require(last == 0, "the path is too short")
    return node


def parent(left, right):
    return sha256(b"\1" + left + right).digest()


def framed(value, kind):
    """A field as it is hashed: its length in 4 bytes, then its bytes; the length -1 for null."""
    if value is None:
        return (-1).to_bytes(4, "big", signed=True)
    if kind == ID:
        field = UUID(value).bytes
        require(str(UUID(value)) == value, "an id is written as nobody writes it")
    elif kind == NUMBER:
        require(type(value) is int, "not a number")
        field = value.to_bytes(8, "big", signed=True)
    elif kind == TIME:
        moment = datetime.fromisoformat(value)
        require(moment.isoformat(timespec="microseconds") == value, "a time is written as nobody writes it")
        microseconds = (moment - EPOCH) // timedelta(microseconds=1)
        field = microseconds.to_bytes(8, "big", signed=True)
    else:
        field = value.encode()
    return len(field).to_bytes(4, "big") + field


def unhex(text):
    """Of lower-case letters only: there is one way to write it."""
    found = bytes.fromhex(text)
    require(found.hex() == text, "not hexadecimal")
    return found


def load(key):
    found = load_pem_public_key(key.encode())
    pem = found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    require(pem == key.encode(), "a key is written as nobody writes it")
    return found


def require(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--key", type=Path, help="the public key that you trust: GET /v1/log/key")
    parser.add_argument("--head", type=Path, help="another head: GET /v1/log/head, at another time")
    parser.add_argument("--consistency", type=Path, help="GET /v1/log/consistency?from=…&to=… of the two heads' sizes")
    told = parser.parse_args()
    try:
        receipt = json.loads(told.receipt.read_text())
        check(receipt, told.key.read_text() if told.key else None)
        if told.head:
            other = json.loads(told.head.read_text())
            check_head(other, receipt["key"])
            check_consistency(receipt["head"], other, json.loads(told.consistency.read_text()))
    except Wrong as wrong:
        sys.exit(f"NOT PROVED: {wrong}")
    except NONSENSE as error:
        sys.exit(f"NOT PROVED: the receipt makes no sense: {type(error).__name__}: {error}")
    event, head = receipt["event"], receipt["head"]
    print(f"{event['type']} of {event['occurred_at']} is event {event['position']} of the log, as in this receipt.")
    print(f"Signed at {head['signed_at']}, over {head['size']} events.")
    if told.head:
        print(f"The head over {other['size']} events is of the same history.")
    if "sealed:1:" in event["data"]:
        print("What people wrote is sealed in it: proved not to be changed, and not shown.")


if __name__ == "__main__":
    main()

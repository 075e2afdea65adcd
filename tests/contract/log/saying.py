"""Appends about people who say things in rooms."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from shared.log import Append, Appended, Claim, Entry, EventLog, Outcome

PROGRAM = UUID("0198c0de-0000-7000-8000-000000000001")
ADA = "0198c0de-0000-7000-8000-00000000ada0"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def said(text: str, subject: UUID | None = None) -> Entry:
    return Entry(uuid4(), "rooms.said", 1, subject, NOON, json.dumps({"text": text}))


def say(
    room: str,
    *texts: str,
    after: int = 0,
    command: UUID | None = None,
    digest: bytes = b"digest",
    subject: UUID | None = None,
    claims: Sequence[Claim] = (),
) -> Append:
    """`texts` said in `room` after so many others."""
    return Append(
        stream=room,
        expected_version=after,
        command_id=command or uuid4(),
        command_digest=digest,
        program=PROGRAM,
        actor=ADA,
        correlation_id=uuid4(),
        causation_id=None,
        entries=tuple(said(text, subject) for text in texts),
        claims=tuple(claims),
    )


def one(log: EventLog, append: Append) -> Outcome:
    (outcome,) = log.append([append])
    return outcome


def recorded(log: EventLog, append: Append) -> Appended:
    outcome = one(log, append)
    assert isinstance(outcome, Appended), outcome
    return outcome


def texts(log: EventLog, after: int = 0) -> list[str]:
    return [json.loads(event.data)["text"] for event in log.read(after)]


def in_green(program: str, *arguments: str) -> str:
    """What a module prints when it runs under eventlet, in a process of its own, as a hosted service does."""
    start = (
        f"import eventlet; eventlet.monkey_patch(); import runpy; runpy.run_module('{program}', run_name='__main__')"
    )
    command = [sys.executable, "-W", "ignore", "-c", start, *arguments]
    environment = os.environ | {"PSYCOPG_WAIT_FUNC": "wait_selector"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout

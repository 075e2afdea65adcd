"""Plausible relationships, as many events of them as are asked for, written into a log in bulk.

What stands in the log afterwards is what `log.append` would have written, receipts and hash chain included; only the
claims are missing, which bind nobody but new commands of the same people. The same seed tells the same stories.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from bench.place import plain
from services.files.events import FileShared, FileWithdrawn, UploadStarted
from services.goals.events import GoalReached, GoalSet, ProgressRecorded
from services.identity.events import InvitationAccepted, PersonEnrolled, PersonInvited, PersonRegistered, ProgramCreated
from services.matching.events import (
    AgreementCountered,
    AgreementProposed,
    AgreementSigned,
    ClosingFeedbackGiven,
    ConclusionBegun,
    InformationGiven,
    InformationRequested,
    MentorRequested,
    RelationshipActivated,
    RelationshipCompleted,
    RelationshipEnded,
    RelationshipPaused,
    RelationshipResumed,
    RequestAccepted,
    RequestDeclined,
)
from services.messaging.events import ConversationOpened, MeetingCancelled, MeetingScheduled, MessagePosted
from shared.log.hashing import event_hash
from shared.messages import Event, encode
from shared.vault import Vault

AT_A_TIME = 500
KEYS_KEPT = 5_000
ROWS_IN_ONE_COPY = 5_000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=5)
WORDS = (
    "Shall we look at your portfolio together on Thursday, before the call?",
    "The interview went well! They asked about closures, and I could explain them with your example.",
    "Could you read my cover letter? I am not sure whether the second paragraph says what I mean.",
    "Thank you.",
)

EVENT = "int8 uuid text int4 text int4 uuid uuid text uuid uuid uuid timestamptz timestamptz text bytea"
RECEIPT = "uuid text bytea int8 int8 int4"


class Told(NamedTuple):
    """An event of `stream`, at its `version`; `subject` is the relationship that it belongs to."""

    stream: str
    version: int
    subject: UUID | None
    program: UUID
    actor: UUID
    event: Event


@dataclass
class Story:
    """Two people, and what is between them: its steps come one by one."""

    chance: Random
    program: UUID
    mentor: UUID
    mentee: UUID
    relationship: UUID
    talkative: int
    versions: Counter[str] = field(default_factory=Counter)

    def steps(self) -> Iterator[Told]:
        for person, role in ((self.mentee, "mentee"), (self.mentor, "mentor")):
            yield from self._joining(person, role)
        yield from self._requesting()
        if self.chance.random() < 0.1:
            reason = {"mentor_id": self.mentor, "reason": WORDS[3]}
            yield self._own(self.mentor, RequestDeclined, **reason)
            return
        yield from self._agreeing()
        for _ in range(self.chance.randrange(self.talkative // 2, self.talkative * 3 // 2)):
            yield from self.chance.choices(TOGETHER, TIMES)[0](self)
        yield from self._parting()

    def _joining(self, person: UUID, role: Any) -> Iterator[Told]:
        stream, at = f"person-{person}", {"person_id": person, "program_id": self.program}
        invitation, soon = self._new(), EPOCH + timedelta(days=1000)
        accepted = InvitationAccepted(
            person_id=person,
            invitation_id=invitation,
            credential_id=self._new(),
            email=f"{person.hex}@example.org",
            display_name=f"Person {person.hex[:4]}",
        )
        enrolled = PersonEnrolled(
            **at,
            enrolment_id=(enrolment := self._new()),
            external_id=person.hex[:12],
            role=role,
            headline="Engineer, formerly a teacher",
            country="IN",
            timezone="Asia/Kolkata",
            languages=("en", "hi"),
            skills=("python", "web"),
            wants=("career",),
            capacity=2 if role == "mentor" else 0,
        )
        yield self._tell(stream, person, PersonRegistered(person_id=person), None)
        yield self._tell(f"enrolment-{enrolment}", person, enrolled, None)
        yield self._tell(stream, person, PersonInvited(**at, invitation_id=invitation, expires_at=soon), None)
        yield self._tell(stream, person, accepted, None)

    def _requesting(self) -> Iterator[Told]:
        asked = {"program_id": self.program, "message": WORDS[0], "expires_at": EPOCH + timedelta(days=1000)}
        yield self._own(self.mentee, MentorRequested, **self._both, **asked)
        if self.chance.random() < 0.3:
            yield self._own(self.mentor, InformationRequested, mentor_id=self.mentor, question=WORDS[0])
            yield self._own(self.mentee, InformationGiven, mentee_id=self.mentee, answer=WORDS[1])

    def _agreeing(self) -> Iterator[Told]:
        terms = {"scope": WORDS[1], "frequency": "weekly", "nature": "career", "duration_weeks": 26}
        yield self._own(self.mentor, RequestAccepted, **self._both)
        yield self._own(self.mentee, AgreementProposed, number=1, proposed_by=self.mentee, **terms)
        number = self.chance.choice((1, 2))
        if number == 2:
            yield self._own(self.mentor, AgreementCountered, number=2, proposed_by=self.mentor, **terms)
        yield self._own(self.mentor, AgreementSigned, number=number, signed_by=self.mentor)
        yield self._own(self.mentee, AgreementSigned, number=number, signed_by=self.mentee)
        yield self._own(self.mentee, RelationshipActivated, **self._both)
        room = {"conversation_id": self.relationship, "participants": (self.mentor, self.mentee)}
        yield self._of("conversation", self.relationship, self.mentor, ConversationOpened, **room)

    def _talking(self) -> Iterator[Told]:
        for _ in range(self.chance.randrange(1, 3)):
            author, message = self._either(), self._new()
            said = {"message_id": message, "conversation_id": self.relationship, "text": self.chance.choice(WORDS)}
            yield self._of("message", message, author, MessagePosted, author_id=author, **said)

    def _meeting(self) -> Iterator[Told]:
        meeting, who = self._new(), self._either()
        planned = {"organizer_id": who, "title": "Our call", "starts_at": EPOCH + timedelta(days=200)}
        where = {"duration_minutes": 45, "time_zone": "Asia/Kolkata", "video_url": f"https://meet.jit.si/{meeting}"}
        scheduled = {"meeting_id": meeting, "conversation_id": self.relationship, **planned, **where}
        yield self._of("meeting", meeting, who, MeetingScheduled, **scheduled)
        if self.chance.random() < 0.2:
            cancelled = {"meeting_id": meeting, "cancelled_by": who, "reason": WORDS[3]}
            yield self._of("meeting", meeting, who, MeetingCancelled, **cancelled)

    def _striving(self) -> Iterator[Told]:
        goal, mentee = self._new(), self.mentee
        words = {"title": "Finish five mock interviews", "measure": "interviews finished", "unit": "interviews"}
        aims = {"baseline": 0, "target": 5, "relevance": WORDS[0], "due": date(2027, 1, 1)}
        yield self._of("goal", goal, mentee, GoalSet, goal_id=goal, mentee_id=mentee, set_by=mentee, **words, **aims)
        for value in range(1, self.chance.randrange(2, 7)):
            progress = {"goal_id": goal, "recorded_by": mentee, "value": value, "note": WORDS[3]}
            yield self._of("goal", goal, mentee, ProgressRecorded, **progress)
            if value == 5:
                yield self._of("goal", goal, mentee, GoalReached, goal_id=goal, value=value)

    def _sharing(self) -> Iterator[Told]:
        file, owner = self._new(), self._either()
        at = {"file_id": file, "owner_id": owner}
        content = {"name": "letter.pdf", "content_type": "application/pdf", "size": 52_000, "sha256": file.hex * 2}
        until = EPOCH + timedelta(days=1000)
        yield self._of("file", file, owner, UploadStarted, **at, **content, expires_at=until)
        yield self._of("file", file, owner, FileShared, **at)
        if self.chance.random() < 0.1:
            yield self._of("file", file, owner, FileWithdrawn, **at)

    def _resting(self) -> Iterator[Told]:
        yield self._own(self.mentee, RelationshipPaused, paused_by=self.mentee, reason=WORDS[3])
        yield self._own(self.mentee, RelationshipResumed, resumed_by=self.mentee)

    def _parting(self) -> Iterator[Told]:
        if self.chance.random() < 0.2:
            yield self._own(self.mentor, RelationshipEnded, ended_by=self.mentor, reason=WORDS[3])
            return
        yield self._own(self.mentee, ConclusionBegun, begun_by=self.mentee)
        for person in (self.mentee, self.mentor):
            yield self._own(person, ClosingFeedbackGiven, given_by=person, rating=5, comment=WORDS[3])
        yield self._own(self.mentor, RelationshipCompleted)

    @property
    def _both(self) -> dict[str, UUID]:
        return {"mentor_id": self.mentor, "mentee_id": self.mentee}

    def _own(self, actor: UUID, kind: type[Event], **words: Any) -> Told:
        return self._of("relationship", self.relationship, actor, kind, **words)

    def _of(self, category: str, identity: UUID, actor: UUID, kind: type[Event], **words: Any) -> Told:
        event = kind.model_validate({"relationship_id": self.relationship, **words})
        return self._tell(f"{category}-{identity}", actor, event, self.relationship)

    def _tell(self, stream: str, actor: UUID, event: Event, subject: UUID | None) -> Told:
        self.versions[stream] += 1
        return Told(stream, self.versions[stream], subject, self.program, actor, event)

    def _either(self) -> UUID:
        return self.chance.choice((self.mentor, self.mentee))

    def _new(self) -> UUID:
        return new_uuid(self.chance)


TOGETHER = (Story._talking, Story._meeting, Story._striving, Story._sharing, Story._resting)
TIMES = (70, 10, 6, 8, 1)


def new_uuid(chance: Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def stories(chance: Random, vault: Vault, talkative: int) -> Iterator[Told]:
    """Without end: so many relationships of one programme at a time, whose events come mixed."""
    while True:
        program, coordinator = new_uuid(chance), new_uuid(chance)
        created = ProgramCreated(program_id=program, name="Women into web engineering", coordinator_id=coordinator)
        yield Told(f"program-{program}", 1, None, program, coordinator, created)
        told = [
            Story(chance, program, new_uuid(chance), new_uuid(chance), new_uuid(chance), talkative)
            for _ in range(AT_A_TIME)
        ]
        people = [person for story in told for person in (story.mentor, story.mentee)]
        going_on = [story.steps() for story in told]
        for number in count():
            if number % KEYS_KEPT == 0:
                vault.prepare(people)  # all at once, before the vault forgets them one by one
            if not going_on:
                break
            chosen = chance.randrange(len(going_on))
            if step := next(going_on[chosen], None):
                yield step
            else:
                going_on[chosen] = going_on[-1]
                going_on.pop()


def fill(url: str, vault: Vault, events: int, *, seed: int = 1, talkative: int = 45) -> None:
    """`events` more, in a log that nobody else writes to meanwhile. `url` is an administrator's.

    `talkative` is how many things the two do together, on average; one thing is about 1.6 events.
    """
    chance = Random(seed)
    telling = stories(chance, vault, talkative)
    with psycopg.connect(plain(url)) as connection:
        while events > 0:
            told = list(islice(telling, min(events, ROWS_IN_ONE_COPY)))
            _write(connection, chance, vault, told)
            connection.commit()
            events -= len(told)
        connection.execute("ANALYZE log.events, log.receipts")


def _write(connection: psycopg.Connection, chance: Random, vault: Vault, told: Sequence[Told]) -> None:
    position, last, last_at = connection.execute(
        "SELECT position, hash, greatest(recorded_at, %s) FROM log.head FOR UPDATE", (EPOCH,)
    ).fetchone() or (0, b"", EPOCH)
    receipts = []
    with connection.cursor().copy("COPY log.events FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(EVENT.split())
        for one in told:
            position, last_at = position + 1, last_at + APART
            event_id, command_id = new_uuid(chance), new_uuid(chance)
            data = encode(one.event, event_id, vault)
            kind, actor = type(one.event), str(one.actor)
            who = (one.subject, one.program, actor, command_id, command_id, None)
            row = (position, event_id, one.stream, one.version, kind.type, kind.schema_version, *who, last_at, last_at)
            last = event_hash(last, (*row, data))
            copy.write_row((*row, data, last))
            receipts.append((command_id, one.stream, chance.randbytes(32), position, position, one.version))
    with connection.cursor().copy("COPY log.receipts FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(RECEIPT.split())
        for receipt in receipts:
            copy.write_row(receipt)
    connection.execute("UPDATE log.head SET position = %s, hash = %s, recorded_at = %s", (position, last, last_at))

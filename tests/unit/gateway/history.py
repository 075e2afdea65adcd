"""A log in which a relationship is told, without the services that would write it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from services.files.events import FileShared, UploadStarted
from services.goals.events import GoalReached, GoalSet, ProgressRecorded
from services.identity.events import InvitationAccepted, PersonEnrolled, PersonRegistered, ProgramCreated
from services.matching.events import (
    AgreementProposed,
    AgreementSigned,
    InformationGiven,
    InformationRequested,
    MentorRequested,
    RelationshipActivated,
    RequestAccepted,
)
from services.messaging.events import MeetingCancelled, MeetingScheduled, MessagePosted
from shared import clock
from shared.ids import NIL, new_id
from shared.log import Append, Appended, Entry, EventLog
from shared.messages import Event, Sealer, encode

SOMETIME = datetime(2030, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    """Ada, Grace and what is between them, in one programme."""

    program: UUID
    ada: UUID
    grace: UUID
    relationship: UUID

    def people(self) -> list[tuple[str, Event]]:
        return [
            (
                f"program-{self.program}",
                ProgramCreated(program_id=self.program, name="Women in web", coordinator_id=uuid4()),
            ),
            *(told for person in (self.ada, self.grace) for told in self._joined(person)),
        ]

    def relationship_events(self) -> list[tuple[str, Event]]:
        """Of four services, in the order in which they would come."""
        own = f"relationship-{self.relationship}"
        ids: dict[str, Any] = {"relationship_id": self.relationship}
        both = {"mentor_id": self.grace, "mentee_id": self.ada}
        terms: dict[str, Any] = {"scope": "A job", "frequency": "weekly", "nature": "career", "duration_weeks": 12}
        meeting, goal, file, room = uuid4(), uuid4(), uuid4(), uuid4()
        return [
            (own, MentorRequested(**ids, **both, program_id=self.program, message="Please!", expires_at=SOMETIME)),
            (own, InformationRequested(**ids, mentor_id=self.grace, question="How many hours?")),
            (own, InformationGiven(**ids, mentee_id=self.ada, answer="Six.")),
            (own, RequestAccepted(**ids, **both)),
            (own, AgreementProposed(**ids, number=1, proposed_by=self.ada, **terms)),
            (own, AgreementSigned(**ids, number=1, signed_by=self.grace)),
            (own, AgreementSigned(**ids, number=1, signed_by=self.ada)),
            (own, RelationshipActivated(**ids, **both)),
            *((f"message-{one}", self._message(one, room)) for one in (uuid4(), uuid4())),
            (f"meeting-{meeting}", self._meeting(meeting, room)),
            (f"meeting-{meeting}", MeetingCancelled(**ids, meeting_id=meeting, cancelled_by=self.ada, reason="Ill")),
            (f"goal-{goal}", self._goal(goal)),
            (f"goal-{goal}", ProgressRecorded(**ids, goal_id=goal, recorded_by=self.ada, value=5, note="done")),
            (f"goal-{goal}", GoalReached(**ids, goal_id=goal, value=5)),
            (f"file-{file}", self._upload(file)),
            (f"file-{file}", FileShared(**ids, file_id=file, owner_id=self.ada)),
        ]

    def _joined(self, person: UUID) -> list[tuple[str, Event]]:
        enrolled = PersonEnrolled(
            enrolment_id=new_id(),
            program_id=self.program,
            person_id=person,
            external_id="ada" if person == self.ada else "grace",
            role="mentee" if person == self.ada else "mentor",
            headline="Engineer",
            country="US",
            timezone="America/New_York",
            languages=("en",),
            skills=("python",),
            wants=(),
            capacity=0 if person == self.ada else 2,
        )
        accepted = InvitationAccepted(
            person_id=person, invitation_id=new_id(), credential_id=new_id(), email="a@example.org", display_name="Ada"
        )
        stream = f"person-{person}"
        return [(stream, PersonRegistered(person_id=person)), (f"enrolment-{person}", enrolled), (stream, accepted)]

    def _message(self, message: UUID, room: UUID) -> MessagePosted:
        return MessagePosted(
            message_id=message,
            conversation_id=room,
            relationship_id=self.relationship,
            author_id=self.ada,
            text="Hello",
        )

    def _meeting(self, meeting: UUID, room: UUID) -> MeetingScheduled:
        return MeetingScheduled(
            meeting_id=meeting,
            conversation_id=room,
            relationship_id=self.relationship,
            organizer_id=self.ada,
            title="Call",
            starts_at=SOMETIME,
            duration_minutes=30,
            time_zone="Asia/Kolkata",
            video_url="https://meet.example.org/x",
        )

    def _goal(self, goal: UUID) -> GoalSet:
        return GoalSet(
            goal_id=goal,
            relationship_id=self.relationship,
            mentee_id=self.ada,
            set_by=self.grace,
            title="Finish five interviews",
            measure="interviews",
            unit="",
            baseline=0,
            target=5,
            relevance="A job",
            due=date(2030, 1, 1),
        )

    def _upload(self, file: UUID) -> UploadStarted:
        return UploadStarted(
            file_id=file,
            relationship_id=self.relationship,
            owner_id=self.ada,
            name="notes.md",
            content_type="text/markdown",
            size=3,
            sha256="a" * 64,
            expires_at=SOMETIME,
        )


def new_story() -> Story:
    return Story(uuid4(), uuid4(), uuid4(), uuid4())


def write(log: EventLog, sealer: Sealer, story: Story, told: list[tuple[str, Event]]) -> int:
    """The position of the last."""
    last = 0
    for stream, event in told:
        event_id, command_id = new_id(), new_id()
        subject = story.relationship if hasattr(event, "relationship_id") else None
        data = encode(event, event_id, sealer)
        entry = Entry(event_id, event.type, event.schema_version, subject, clock.now(), data)
        version = len(log.streams([stream])[stream])
        append = Append(stream, version, command_id, b"", story.program, "tests", NIL, None, (entry,))
        [outcome] = log.append([append])
        assert isinstance(outcome, Appended)
        last = outcome.last
    return last

"""What the bare applications answer, as FastAPI has it: a model of the row."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class Question(BaseModel):
    question: str
    answer: str | None


class Proposal(BaseModel):
    number: int
    proposed_by: UUID
    scope: str
    frequency: str
    nature: str
    duration_weeks: int
    signed_by: list[UUID]


class Feedback(BaseModel):
    given_by: UUID
    rating: int
    comment: str | None


class About(BaseModel):
    message: str
    expires_at: datetime
    questions: list[Question]
    proposals: list[Proposal]
    feedback: list[Feedback]


class State(BaseModel):
    about: About


class Activity(BaseModel):
    messages: int
    last_message_at: datetime | None
    meetings: int
    meetings_cancelled: int
    last_meeting_at: datetime | None
    goals: int
    goals_reached: int
    goals_abandoned: int
    files: int
    files_withdrawn: int


class Summary(BaseModel):
    state: State
    activity: Activity
    began_at: datetime
    last_at: datetime


class Relationship(BaseModel):
    program: UUID
    relationship_id: UUID
    mentor_id: UUID
    mentee_id: UUID
    status: str
    version: int
    position: int
    summary: Summary

"""Matching's rules, pure: what a relationship is, what may happen to it, and who suits whom."""

from services.matching.domain.deciding import Enrolment, Known, decide
from services.matching.domain.relationship import NOTHING, Relationship, State, evolve

__all__ = ["NOTHING", "Enrolment", "Known", "Relationship", "State", "decide", "evolve"]

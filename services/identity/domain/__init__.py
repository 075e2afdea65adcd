"""The rules of programmes, enrolments and people."""

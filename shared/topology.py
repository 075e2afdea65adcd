"""The names of what stands in the broker."""

EXCHANGE = "mentoring.events"
STREAM = "mentoring.log"

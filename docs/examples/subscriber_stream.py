"""Reads again what was told, from the stream, beginning after a position: `python subscriber_stream.py 1400`."""

import json
import os
import sys

import pika

after = int(sys.argv[1])  # keep the last position with what you made of it, and begin after it the next time
channel = pika.BlockingConnection(pika.URLParameters(os.environ["MENTORING_BROKER_URL"])).channel()
channel.basic_qos(prefetch_count=100)  # a stream insists on it
# What was told twice is there twice: an event's offset may be higher than its position, but never so low as to miss it.
for method, _, body in channel.consume("mentoring.log", arguments={"x-stream-offset": after}):
    event = json.loads(body)
    if int(event["position"]) > after:
        after = int(event["position"])
        print(after, event["type"], event.get("subject"), flush=True)
    channel.basic_ack(method.delivery_tag)

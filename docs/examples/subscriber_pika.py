"""Hears of everything, or of what is named, over plain AMQP: `python subscriber_pika.py matching.request_accepted`."""

import json
import os
import sys

import pika


def hear(channel, method, properties, body):
    """An event may come twice, so remember its `id`; what is not acknowledged is delivered again."""
    event = json.loads(body)
    print(event["position"], event["type"], event.get("subject"), flush=True)
    channel.basic_ack(method.delivery_tag)


broker = pika.URLParameters(os.environ["MENTORING_BROKER_URL"])
queue = broker.credentials.username  # an operator has made both
channel = pika.BlockingConnection(broker).channel()
for types in sys.argv[1:] or ["#"]:
    channel.queue_bind(queue, "mentoring.events", types)  # a binding stays until it is unbound
channel.basic_qos(prefetch_count=100)
channel.basic_consume(queue, hear)
channel.start_consuming()

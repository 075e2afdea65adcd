"""Hears of everything, over plain AMQP: `python subscriber_pika.py amqp://user:password@host/`."""

import json
import sys

import pika


def hear(channel, method, properties, body):
    """An event may come twice, so remember its `id`; what is not acknowledged is delivered again."""
    event = json.loads(body)
    print(event["type"], event["subject"], flush=True)
    channel.basic_ack(method.delivery_tag)


channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.exchange_declare("mentoring.events", "topic", durable=True)
queue = channel.queue_declare("example", durable=True, arguments={"x-queue-type": "quorum"}).method.queue
channel.queue_bind(queue, "mentoring.events", "#")  # or one type: "matching.request_accepted"
channel.basic_qos(prefetch_count=100)
channel.basic_consume(queue, hear)
channel.start_consuming()

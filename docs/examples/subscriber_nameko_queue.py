"""A stock nameko service on a queue that an operator has made: `nameko run subscriber_nameko_queue --broker amqp://…`.

What the queue is bound to is the operator's choice: this user may declare nothing.
"""

import os

from kombu import Queue
from nameko.messaging import consume


class SubscriberService:
    name = "subscriber"

    @consume(Queue(os.environ["MENTORING_QUEUE"], no_declare=True))
    def hear(self, event):
        print(event["type"], event.get("subject"), flush=True)

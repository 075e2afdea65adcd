"""A subscriber outside: `python -m bench.outside BROKER EXCHANGE EVENTS`. Tells when each of its events came."""

import json
import sys
import time

import amqp

from shared import broker

PREFETCH = 500


def main(url: str, exchange: str, events: str) -> None:
    """Each line that it is told, once: message ids and this machine's monotonic clock."""
    came: dict[str, float] = {}

    def take(message: amqp.Message) -> None:
        came[message.properties.get("message_id") or json.loads(message.body)["id"]] = time.monotonic()
        channel.basic_ack(message.delivery_tag)

    with broker.connected(url) as connection:
        channel = connection.channel()
        queue = f"outside.{exchange}"
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(queue, exchange, "#")
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(queue, callback=take)
        print("ready", flush=True)
        while sys.stdin.readline():
            while len(came) < int(events):
                broker.drained(connection, 1)
            print(json.dumps(came), flush=True)
            came.clear()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Hears of everything, or of what is named, with asyncio: `python subscriber_aio_pika.py 'goals.*'`."""

import asyncio
import json
import os
import sys
from urllib.parse import urlsplit

import aio_pika


async def main(url, types):
    connection = await aio_pika.connect_robust(url)  # connects again when the broker was away
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=100)
    queue = await channel.get_queue(urlsplit(url).username, ensure=False)
    for one in types:
        await queue.bind("mentoring.events", one)
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process(requeue=True):  # acknowledges at the end; an error gives it back
                event = json.loads(message.body)
                print(event["position"], event["type"], event.get("subject"), flush=True)


asyncio.run(main(os.environ["MENTORING_BROKER_URL"], sys.argv[1:] or ["#"]))

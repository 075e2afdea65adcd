"""A stock nameko service that hears of everything: `nameko run subscriber_nameko --broker amqp://user:password@host/`.

For one type only, name it: `@event_handler("mentoring", "matching.request_accepted")`.
"""

from nameko.events import event_handler


class SubscriberService:
    name = "subscriber"

    @event_handler("mentoring", "#")
    def hear(self, event):
        """An event may come twice, so remember its `id`; one that fails here is not delivered again by nameko."""
        print(event["type"], event.get("subject"), flush=True)

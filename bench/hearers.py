"""The service that hears, in a process as it is hosted: `python -m bench.hearers`."""

from shared import green

green.prepare()

import threading  # noqa: E402 - the green threads come first

from bench import rooms  # noqa: E402
from services.surroundings import settings_of_environment  # noqa: E402
from shared.hearing import Hearing  # noqa: E402
from shared.parts import Parts  # noqa: E402

if __name__ == "__main__":
    parts = Parts(settings_of_environment(), rooms.SERVICE.name)
    print("ready", flush=True)
    Hearing(parts.runtime(rooms.SERVICE), str(parts.settings.broker_url)).run(threading.Event())

"""Green threads for a process that nameko hosts. To be called before anything else is imported."""

import os


def prepare() -> None:
    """Patches the standard library, and keeps PostgreSQL's driver from blocking every green thread while it waits."""
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    import eventlet  # noqa: PLC0415 - not before the setting above

    eventlet.monkey_patch()

"""Which log a URL names."""

from collections.abc import Sequence

from sqlalchemy import create_engine, make_url

from shared.database import log_url
from shared.log.group_commit import GroupCommit
from shared.log.memory import MemoryLog
from shared.log.model import EventLog
from shared.log.postgres import PostgresLog, open_engine
from shared.log.sqlite import SqliteLog

MEMORY = "memory:"


def open_log(url: str) -> EventLog:
    """The log at `sqlite:///file` or `postgresql+psycopg://…`, with group commit; a new one at `memory:`."""
    if url == MEMORY:
        return GroupCommit(MemoryLog())
    if make_url(url).get_backend_name() == "sqlite":
        return GroupCommit(SqliteLog(str(make_url(url).database)))
    return GroupCommit(PostgresLog(open_engine(url)))


def install_log(url: str, writers: Sequence[str] = (), readers: Sequence[str] = ()) -> None:
    """Makes what the log needs, if it is missing, in the platform's database: `sqlite:///folder`, or PostgreSQL as an
    administrator, where the roles of these owners are allowed to append and read, or to read only."""
    if make_url(url).get_backend_name() == "sqlite":
        SqliteLog(str(make_url(log_url(url, "log")).database)).install()
        return
    log = PostgresLog(create_engine(url))
    log.install(writers, readers)
    log.close()

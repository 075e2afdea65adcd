"""An empty place on the local servers, thrown away afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from deploy.servers import Servers


@contextmanager
def fresh_database(servers: Servers) -> Iterator[str]:
    """The administrator's URL of a database of one's own."""
    url = make_url(servers.environment["MENTORING_DATABASE_URL"])
    libpq = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"fresh_{uuid4().hex}"
    with psycopg.connect(libpq, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(libpq, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for (login,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", (f"%of_{name}",)):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(login)))


@contextmanager
def fresh_vhost(servers: Servers) -> Iterator[str]:
    """The URL of a virtual host of one's own; making and deleting it take about a second."""
    name = f"fresh_{uuid4().hex}"
    try:
        yield servers.rabbitmq.add_vhost(name)
    finally:
        servers.rabbitmq.delete_vhost(name)


@contextmanager
def fresh_environment(servers: Servers) -> Iterator[dict[str, str]]:
    """Settings for a platform of one's own. Its bucket stays, empty or not."""
    with fresh_database(servers) as database, fresh_vhost(servers) as broker:
        yield {
            **servers.environment,
            "MENTORING_DATABASE_URL": database,
            "MENTORING_BROKER_URL": broker,
            "MENTORING_S3_BUCKET": f"fresh-{uuid4().hex}",
        }

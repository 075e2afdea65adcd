"""The servers themselves: they come up, survive a kill -9 with their data, and leave nothing behind."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pika
import psycopg
import pytest
from minio import Minio
from sqlalchemy import make_url

from deploy.fleet import free_ports
from deploy.servers import ServerFailed, ServerMissing, Servers, held
from deploy.servers.minio import MinIO
from deploy.servers.postgres import PostgreSQL


@pytest.fixture(scope="module")
def own(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A second set beside the other tests' one, to be killed and stopped."""
    first = free_ports(5)
    ports = {"postgres": first, "minio": first + 1, "rabbitmq": first + 2}
    with held(Servers(tmp_path_factory.mktemp("servers"), ports)) as own:
        yield own


def test_postgres_keeps_what_was_committed_before_a_kill(own: Servers) -> None:
    with _database(own) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'committed' AS word")

    own.postgres.kill()
    assert not own.postgres.ready()
    own.postgres.start()

    with _database(own) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("committed",)]
        assert connection.execute("SHOW fsync").fetchall() == [("on",)]


def test_rabbitmq_keeps_what_it_confirmed_before_a_kill(own: Servers) -> None:
    """RabbitMQ writes down twice a second which quorum queues it has: a younger one does not survive."""
    with _broker(own) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        time.sleep(1.5)
        channel.basic_publish("", "kept", b"confirmed", pika.BasicProperties(delivery_mode=2))

    own.rabbitmq.kill()
    assert not own.rabbitmq.ready()
    own.rabbitmq.start()

    with _broker(own) as connection:
        assert connection.channel().basic_get("kept", auto_ack=True)[2] == b"confirmed"


def test_rabbitmq_is_of_the_version_that_was_asked_for_and_4_refuses_what_later_ones_will(own: Servers) -> None:
    later = os.environ.get("MENTORING_RABBITMQ_VERSION") == "4"
    with _broker(own) as connection:
        version = str(connection._impl.server_properties["version"])
        assert version.startswith("4." if later else "3.")
        if later:
            with pytest.raises((pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker)):
                connection.channel().queue_declare("transient", durable=False)


def test_minio_keeps_what_was_put_before_a_kill(own: Servers) -> None:
    _store(own).make_bucket("kept")
    _store(own).put_object("kept", "word", BytesIO(b"stored"), len(b"stored"))

    own.minio.kill()
    assert not own.minio.ready()
    own.minio.start()

    answer = _store(own).get_object("kept", "word")
    assert answer.data == b"stored"
    answer.close()


def test_starting_again_what_runs_changes_nothing(own: Servers) -> None:
    before = [server.pid for server in own]

    assert own.up() == []

    assert [server.pid for server in own] == before
    assert own.settings_file.read_text().splitlines() == [f"{key}={value}" for key, value in own.environment.items()]
    assert own.settings_file.stat().st_mode & 0o077 == 0


def test_down_leaves_no_process_and_no_port(own: Servers) -> None:
    assert len(_processes(own)) > len(list(own))

    own.down()
    try:
        until = time.monotonic() + 5
        while left := _processes(own):
            assert time.monotonic() < until, left
        assert [port for port in _ports(own) if _answers(port)] == []
        assert not own.settings_file.exists()
    finally:
        own.up()


def test_data_and_passwords_survive_down_and_up(own: Servers) -> None:
    environment = dict(own.environment)
    with _database(own) as connection:
        connection.execute("CREATE TABLE stays AS SELECT 1 AS one")

    own.down()
    own.up()

    assert Servers(own.folder, {server.name: server.port for server in own}).environment == environment
    with _database(own) as connection:
        assert connection.execute("SELECT one FROM stays").fetchall() == [(1,)]


def test_a_taken_port_is_refused_with_the_setting_that_changes_it(servers: Servers, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"port \d+ is taken: .* MENTORING_POSTGRES_PORT"):
        PostgreSQL(tmp_path, servers.postgres.port).start()


def test_a_program_that_is_named_but_not_there_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTORING_MINIO", "/nowhere/minio")

    with pytest.raises(ServerMissing, match="MinIO is not at /nowhere/minio"):
        MinIO(tmp_path, 1).install()


def test_a_server_that_does_not_come_up_shows_the_end_of_its_log(servers: Servers, tmp_path: Path) -> None:
    broken = PostgreSQL(tmp_path, free_ports(1))
    broken.start()
    broken.stop()
    (broken.data / "PG_VERSION").write_text("9.0\n")

    with pytest.raises(ServerFailed, match="not compatible with this version"):
        broken.start()


def test_each_fresh_database_is_empty(fresh_database: Callable[[], str]) -> None:
    first, second = fresh_database(), fresh_database()
    with psycopg.connect(_libpq(first)) as connection:
        connection.execute("CREATE TABLE mine (one int)")
    with psycopg.connect(_libpq(second)) as connection:
        assert connection.execute("SELECT to_regclass('mine')").fetchall() == [(None,)]


def test_each_fresh_broker_has_queues_of_its_own(fresh_broker: Callable[[], str]) -> None:
    first, second = fresh_broker(), fresh_broker()
    with pika.BlockingConnection(pika.URLParameters(first)) as connection:
        connection.channel().queue_declare("mine", durable=True)
    with (
        pika.BlockingConnection(pika.URLParameters(second)) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"),
    ):
        connection.channel().queue_declare("mine", passive=True)


@pytest.mark.parametrize("processes", ["0", "1"])
@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_without_servers_the_tests_that_did_not_run_are_named_and_ci_fails(
    ci: str, status: int, processes: str
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            f"--numprocesses={processes}",
            f"{__file__}::{test_each_fresh_database_is_empty.__name__}",
        ],
        env={**os.environ, "MENTORING_MINIO": "/nowhere/minio", "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout
    assert "1 tests did not run" in done.stdout
    assert "/nowhere/minio" in done.stdout
    assert f"  tests/integration/test_servers.py::{test_each_fresh_database_is_empty.__name__}" in done.stdout


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _database(servers: Servers) -> psycopg.Connection:
    return psycopg.connect(_libpq(servers.environment["MENTORING_DATABASE_URL"]))


def _broker(servers: Servers) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(servers.environment["MENTORING_BROKER_URL"]))


def _store(servers: Servers) -> Minio:
    settings = servers.environment
    key, secret = settings["MENTORING_S3_ACCESS_KEY"], settings["MENTORING_S3_SECRET_KEY"]
    return Minio(servers.minio.address, access_key=key, secret_key=secret, secure=False)


def _ports(servers: Servers) -> list[int]:
    rabbitmq = servers.rabbitmq.port
    return [servers.postgres.port, rabbitmq, rabbitmq + 1, rabbitmq + 2, servers.minio.port]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _processes(servers: Servers) -> list[str]:
    """The command line of every process that names the folder there or in its environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(servers.folder).encode() in command + environment:
            found.append(command.decode(errors="replace"))
    return found

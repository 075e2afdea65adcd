"""An erased person's words are nowhere: not in a database, a queue, the stream, a file or a log."""

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import amqp
import psycopg
import pytest
from sqlalchemy import make_url

from deploy.fleet import Embedded, Fleet
from deploy.servers import Servers
from services.gateway.telling import tell
from shared import broker
from shared.database import log_url
from shared.log import EventLog, open_log
from shared.log.hashing import Intact, verify
from shared.masters import Masters
from shared.messages import SEALED
from shared.parts import Parts
from shared.settings import Settings
from shared.vault import Vault, open_vault
from tests.e2e.marked import PASSWORD, REASON, Lives, eventually, pieces_of


@pytest.fixture
def lives(fleet: Fleet) -> Iterator[Lives]:
    lives = Lives(fleet)
    yield lives
    lives.close()


def files_below(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from pieces_of(path)
            yield b"\0" * 200


def libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def dumped(servers: Servers, url: str, *which: str) -> bytes:
    program = servers.postgres.locate() / "pg_dump"
    return subprocess.run([str(program), *which, libpq(url)], capture_output=True, check=True).stdout


def restored(servers: Servers, url: str, dump: bytes) -> None:
    program = servers.postgres.locate() / "psql"
    command = [str(program), "--quiet", "--set=ON_ERROR_STOP=1", libpq(url)]
    subprocess.run(command, input=dump, capture_output=True, check=True)


def told_over(url: str) -> list[bytes]:
    """Every message of the stream, from its beginning."""
    messages: list[bytes] = []
    with broker.connected(url) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 100, False)

        def arrived(message: amqp.Message) -> None:
            body = message.body
            messages.append(body if isinstance(body, bytes) else body.encode())
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(broker.STREAM, callback=arrived, arguments={"x-stream-offset": "first"})
        while broker.drained(connection, 2):
            pass
    return messages


def left_in_queues(servers: Servers, url: str) -> int:
    """Messages in all queues but the stream."""
    vhost = urlsplit(url).path[1:]
    listed = servers.rabbitmq.control(
        "list_queues", "--no-table-headers", "--vhost", vhost, "name", "messages"
    ).splitlines()
    rows = (line.split("\t") for line in listed)
    return sum(int(count) for name, count in rows if name != broker.STREAM)


def open_texts(log: EventLog, vault: Vault, people: set[str]) -> list[object]:
    """What of the log can be read, of what these people's keys have sealed."""
    texts = (value for one in log.read(0, 10_000) for value in tell(one, lambda sealed: sealed).data.values())
    sealed = [one for one in texts if isinstance(one, str) and one.startswith(SEALED) and one.split(":")[2] in people]
    assert sealed
    return [text for text in map(vault.reveal, sealed) if text is not None]


def parts_of(fleet: Fleet) -> Parts:
    environment = fleet.environment
    settings = Settings(
        database_url=environment["MENTORING_DATABASE_URL"], secrets_dir=Path(environment["MENTORING_SECRETS_DIR"])
    )
    return Parts(settings, "views")


def test_nothing_of_theirs_is_found_anywhere(fleet: Fleet, lives: Lives, servers: Servers) -> None:
    lives.live()
    url, broker_url = fleet.environment["MENTORING_DATABASE_URL"], fleet.environment["MENTORING_BROKER_URL"]
    bucket = servers.minio.folder / "data" / fleet.environment["MENTORING_S3_BUCKET"]
    people = {lives.ada_id, lives.grace_id}
    in_plain = {f"{name}'s {what}" for name in ("ada", "grace") for what in ("headline", "skills", "wants")}
    assert lives.word.among([dumped(servers, url)]) == in_plain, "what is scored stands in plain, and is found"
    assert lives.word.among(files_below(bucket)) == {"file content"}

    lives.erase()
    eventually(lives.is_shown_erased)
    eventually(lambda: not lives.word.among(files_below(bucket)))
    eventually(lambda: not lives.word.among([dumped(servers, url)]))
    eventually(lambda: left_in_queues(servers, broker_url) == 0)
    messages = told_over(broker_url)
    assert any(b"identity.person_erased" in message for message in messages)
    assert lives.word.among(messages) == set()
    assert lives.word.among(files_below(servers.rabbitmq.folder)) == set()
    assert lives.word.among(files_below(fleet.folder)) == set()

    parts = parts_of(fleet)
    assert open_texts(parts.log, parts.vault, people) == []
    assert verify(parts.log) == Intact(parts.log.head())
    parts.close()
    assert "every view equals its rebuild" in fleet.rebuild()


def test_a_backup_of_the_log_tells_nothing_without_the_keys(
    fleet: Fleet, lives: Lives, servers: Servers, fresh_database: Callable[[], str]
) -> None:
    lives.live()
    url, people = fleet.environment["MENTORING_DATABASE_URL"], {lives.ada_id, lives.grace_id}
    of_the_log = dumped(servers, url, "--schema=log")
    of_the_keys = dumped(servers, url, "--schema=vault", "--data-only")
    lives.erase()
    eventually(lives.is_shown_erased)

    elsewhere = fresh_database()
    restored(servers, elsewhere, of_the_log)
    log, parts = open_log(log_url(elsewhere, "views")), parts_of(fleet)
    assert verify(log) == Intact(log.head())
    assert open_texts(log, parts.vault, people) == []
    log.close()

    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute("TRUNCATE vault.keys, vault.masters")
    restored(servers, url, of_the_keys)
    again = open_vault(url, "views", Masters(parts.settings.secrets_dir))
    assert len(open_texts(parts.log, again, people)) > 20, "an older key store brings the words back …"
    assert "2 erasures were applied again" in fleet.run("keys", "reapply")
    again.close()
    again = open_vault(url, "views", Masters(parts.settings.secrets_dir))
    assert open_texts(parts.log, again, people) == [], "… until the erasures are applied again"
    again.close()
    parts.close()


def test_an_acknowledged_erasure_is_carried_out_whatever_is_killed(
    fleet: Fleet, lives: Lives, servers: Servers
) -> None:
    lives.live()
    url = fleet.environment["MENTORING_DATABASE_URL"]
    names = ("relay", "matching", "files", "messaging", "goals", "views")
    for name in ("relay", "matching", "files"):
        fleet.processes[name].kill()
    with psycopg.connect(libpq(url)) as holding:
        holding.execute("LOCK TABLE vault.keys IN SHARE ROW EXCLUSIVE MODE")
        own = f"/v1/people/{lives.ada_id}/erasure"
        lives.ada.ask("POST", own, json={"password": PASSWORD}).raise_for_status()
        fleet.processes["identity"].kill()
    parts = parts_of(fleet)
    assert parts.vault.erased() == set(), "the key is not destroyed yet"
    for name in ("identity", *names):
        fleet.processes[name].kill()
        fleet.processes[name].start()
    for process in fleet.processes.values():
        process.wait()
    lives.coordinator.post(f"/v1/programs/{lives.program}/people/{lives.grace_id}/erasure", **REASON)
    eventually(lambda: len(parts.vault.erased()) == 2)
    eventually(lives.is_shown_erased)
    eventually(lambda: not lives.word.among([dumped(servers, url)]))
    parts.close()
    assert "every view equals its rebuild" in fleet.rebuild()


def test_every_process_notices_a_new_master_key_and_that_a_key_is_gone(fleet: Fleet, lives: Lives) -> None:
    """The gateway has used the key just before."""
    assert fleet.run("keys", "status").startswith("master wraps ")
    rotated = fleet.run("keys", "rotate")
    assert rotated.count(" wraps ") == 1 and "master wraps " not in rotated
    lives.live()
    messages = f"{lives.path}/messages"
    assert lives.grace.get(messages)["items"][0]["text"] == lives.word.said["message"]
    lives.ada.post(f"/v1/people/{lives.ada_id}/erasure", password=PASSWORD)
    eventually(lambda: lives.grace.get(messages)["items"][0]["text"] is None, seconds=5)
    assert "every view equals its rebuild" in fleet.rebuild()


def test_nothing_of_theirs_is_found_in_the_folder_of_an_embedded_platform(embedded: Embedded) -> None:
    lives = Lives(embedded)
    lives.live()
    folder = embedded.folder
    found = partial(lambda: lives.word.among(files_below(folder)))
    assert {"ada's headline", "file content"} <= found()
    lives.erase()
    eventually(lives.is_shown_erased)
    eventually(lambda: not found())
    lives.close()
    embedded.stop()
    assert found() == set()
    assert "every view equals its rebuild" in embedded.rebuild()
    assert [one.name for one in (folder / "data" / "files").iterdir()] == [".incoming"]

"""The broker as compose starts it: its user, its rights and its policies come from the generated definitions."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest
from pika.exceptions import ProbableAuthenticationError

from deploy import passwords
from deploy.fleet import free_ports
from deploy.servers import Servers
from deploy.servers.rabbitmq import RabbitMQ
from shared import topology


class Composed(RabbitMQ):
    """Its files are those of the volume that compose gives it."""

    def prepare(self) -> None:
        super().prepare()
        generated = passwords.files("", self.password(), "")
        definitions = self.folder / passwords.DEFINITIONS
        definitions.write_text(generated[passwords.DEFINITIONS])
        told = generated["rabbitmq.conf"].replace(f"/run/mentoring/{passwords.DEFINITIONS}", str(definitions))
        kept = [line for line in (self.folder / "rabbitmq.conf").read_text().splitlines() if "default_" not in line]
        (self.folder / "rabbitmq.conf").write_text("\n".join([*kept, told]))

    def _keep_policies(self) -> None:
        """Nobody imports any."""


@pytest.fixture
def composed(servers: Servers, tmp_path: Path) -> Iterator[RabbitMQ]:
    broker = Composed(tmp_path, free_ports(3))
    broker.start()
    yield broker
    broker.kill()
    broker.stop()


def test_it_knows_the_platforms_user_and_bounds_other_queues(composed: RabbitMQ) -> None:
    url = composed.settings()["MENTORING_BROKER_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_declare("may be declared", durable=True)
    at = urlsplit(url)
    wrong = at._replace(netloc=f"guest:guest@{at.hostname}:{at.port}").geturl()
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(wrong))
    policies = composed.policies("/")
    assert all(policy["name"] in policies for policy in topology.policies("/")["policies"])

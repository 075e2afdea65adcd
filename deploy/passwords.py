"""Generates the passwords of the servers in compose.yaml, once: each server reads its own file, the platform all."""

import json
import secrets
import sys
from pathlib import Path

from shared import topology

DEFINITIONS = "rabbitmq-definitions.json"


def files(postgres: str, rabbitmq: str, minio: str) -> dict[str, str]:
    platform = [
        f"MENTORING_DATABASE_URL=postgresql+psycopg://mentoring:{postgres}@postgres:5432/mentoring",
        f"MENTORING_BROKER_URL=amqp://mentoring:{rabbitmq}@rabbitmq:5672/%2F",
        "MENTORING_S3_ENDPOINT=http://minio:9000",
        "MENTORING_S3_ACCESS_KEY=mentoring",
        f"MENTORING_S3_SECRET_KEY={minio}",
    ]
    return {
        "postgres": postgres,
        "rabbitmq.conf": f"load_definitions = /run/mentoring/{DEFINITIONS}\n",
        DEFINITIONS: json.dumps(_definitions(rabbitmq)),
        "minio.env": f"MINIO_ROOT_USER=mentoring\nMINIO_ROOT_PASSWORD={minio}\n",
        "servers.env": "\n".join(platform) + "\n",
    }


def _definitions(password: str) -> topology.Definitions:
    """The platform's user, who may do everything, and what bounds the queues of others."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [topology.user("mentoring", password, tags="administrator")],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "mentoring", "vhost": "/", **everything}],
        **topology.policies("/"),
    }


def generate(folder: Path) -> None:
    """What exists stays. The platform's file is written last. Each server runs as a user of its own, and may read."""
    if (folder / "servers.env").exists():
        return
    for name, text in files(*(secrets.token_hex(24) for _ in range(3))).items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


if __name__ == "__main__":
    generate(Path(sys.argv[1]))

"""Generates the passwords of the servers in compose.yaml, once: each server reads its own file, the platform's
processes theirs, and `init` the administrator's."""

import json
import secrets
import sys
from pathlib import Path

from shared import topology

DEFINITIONS = "rabbitmq-definitions.json"


def files(postgres: str, rabbitmq: str, minio: str) -> dict[str, str]:
    """For the servers and `init`."""
    administrator = f"postgresql+psycopg://mentoring:{postgres}@postgres:5432/mentoring"
    return {
        "postgres": postgres,
        "rabbitmq.conf": f"load_definitions = /run/mentoring/{DEFINITIONS}\n",
        DEFINITIONS: json.dumps(_definitions(rabbitmq)),
        "minio.env": f"MINIO_ROOT_USER=mentoring\nMINIO_ROOT_PASSWORD={minio}\n",
        "servers.env": f"MENTORING_ADMIN_DATABASE_URL={administrator}\n{settings(rabbitmq, minio)}",
    }


def settings(rabbitmq: str, minio: str) -> str:
    """For the platform's processes, which log in to the database with what `init` puts beside its other secrets."""
    lines = [
        "MENTORING_DATABASE_URL=postgresql+psycopg://postgres:5432/mentoring?passfile=/var/lib/mentoring/secrets/pgpass",
        f"MENTORING_BROKER_URL=amqp://mentoring:{rabbitmq}@rabbitmq:5672/%2F",
        "MENTORING_S3_ENDPOINT=http://minio:9000",
        "MENTORING_S3_ACCESS_KEY=mentoring",
        f"MENTORING_S3_SECRET_KEY={minio}",
    ]
    return "\n".join(lines) + "\n"


def _definitions(password: str) -> topology.Definitions:
    """The platform's user, who may do everything, and what bounds the queues of others."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [topology.user("mentoring", password, tags="administrator")],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "mentoring", "vhost": "/", **everything}],
        **topology.policies("/"),
    }


def generate(servers: Path, platform: Path) -> None:
    """What exists stays. The platform's file is written last. Each server runs as a user of its own, and may read."""
    if (platform / "servers.env").exists():
        return
    postgres, rabbitmq, minio = (secrets.token_hex(24) for _ in range(3))
    for name, text in files(postgres, rabbitmq, minio).items():
        _write(servers / name, text)
    _write(platform / "servers.env", settings(rabbitmq, minio))


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o644)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), Path(sys.argv[2]))

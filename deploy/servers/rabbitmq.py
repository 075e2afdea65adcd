"""RabbitMQ from Debian's package, or from the folder of programs that MENTORING_RABBITMQ names.

MENTORING_RABBITMQ_VERSION=4 takes Debian 13's instead: 4.0, refusing what the versions after it will refuse.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.servers import trixie
from deploy.servers.debian import install_package
from deploy.servers.process import Process
from deploy.servers.server import LOCAL, USER, Server, ServerFailed, ServerMissing, owner_only
from shared import topology

PACKAGE = "rabbitmq-server"
DEBIAN = Path("/usr/lib/rabbitmq/bin")
NO_LONGER = ("transient_nonexcl_queues", "global_qos", "management_metrics_collection", "ram_node_type")
PROTOCOL = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"


class RabbitMQ(Server):
    """A node with a name, a cookie and a port mapper of its own: `port`, and the two after it."""

    name = "rabbitmq"
    port_setting = "MENTORING_RABBITMQ_PORT"
    program_setting = "MENTORING_RABBITMQ"
    default_port = 15673
    start_seconds = 120
    stop_seconds = 60

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._port_mapper = Process(self.folder / "epmd.pid")
        self._later = os.environ.get("MENTORING_RABBITMQ_VERSION") == "4" and not self.named

    @property
    def data(self) -> Path:
        return self.folder / ("data-4" if self._later else "data")

    def obtain(self) -> None:
        if self._later:
            trixie.obtain(PACKAGE)
        else:
            install_package(PACKAGE)

    def locate(self) -> Path:
        """Not Debian's wrapper on the PATH, which knows one node only and runs it as another user."""
        if self._later:
            if trixie.tree_of(PACKAGE).exists():
                return DEBIAN
            raise ServerMissing("RabbitMQ 4 is not here: `make servers` as root on Debian")
        folder = Path(self.named or DEBIAN)
        if (folder / "rabbitmq-server").exists() and shutil.which("epmd"):
            return folder
        raise ServerMissing("RabbitMQ is not here: `make servers` as root on Debian, or name it by MENTORING_RABBITMQ")

    def prepare(self) -> None:
        config = [
            f"default_user = {USER}",
            f"default_pass = {self.password()}",
            "default_user_tags.administrator = true",
            f"listeners.tcp.1 = {LOCAL}:{self.port}",
            "log.console.level = warning",
            *(f"deprecated_features.permit.{feature} = false" for feature in NO_LONGER if self._later),
        ]
        (self.folder / "rabbitmq.conf").write_text("\n".join(config) + "\n")
        (self.folder / "rabbitmq.conf").chmod(0o600)
        (self.folder / "enabled_plugins").write_text("[].\n")

    def command(self) -> Sequence[str]:
        return self._there([str(self.locate() / "rabbitmq-server")])

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"{USER}@localhost",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_DIST_PORT": str(self.port + 1),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.port + 2),
            "ERL_EPMD_ADDRESS": LOCAL,
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node, instead of staying as its parent
        }

    def start(self) -> None:
        if not self._port_mapper.running:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._port_mapper.start(self._there(["epmd"]), self.environment(), self.log)
        super().start()
        self._keep_policies()

    def stop(self) -> None:
        super().stop()
        self._port_mapper.kill()

    def ready(self) -> bool:
        """It listens only when everything has recovered; then it answers our greeting with a method."""
        try:
            with socket.create_connection((LOCAL, self.port), timeout=5) as connection:
                connection.sendall(PROTOCOL)
                return self.running and connection.recv(1) == METHOD_FRAME
        except OSError:
            return False

    def settings(self) -> Mapping[str, str]:
        return {"MENTORING_BROKER_URL": self._url("%2F")}

    def add_vhost(self, name: str) -> str:
        """A broker within the broker, with queues and exchanges of its own; its URL."""
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        rights = {"vhosts": [{"name": name}], "permissions": [{"user": USER, "vhost": name, **everything}]}
        self.define({**rights, **topology.policies(name)})
        return self._url(name)

    def policies(self, vhost: str) -> str:
        return self.control("list_policies", "--vhost", vhost)

    def define(self, definitions: Mapping[str, Any]) -> None:
        """Users, queues, policies, from a file: at the end of its standard input RabbitMQ 4.0 waits forever."""
        file = self.folder / f"definitions-{uuid4().hex}.json"
        try:
            with open(file, "x", opener=owner_only) as new:
                json.dump(definitions, new)
            self.control("import_definitions", str(file))
        finally:
            file.unlink(missing_ok=True)

    def delete_vhost(self, name: str) -> None:
        self.control("delete_vhost", name)

    def _keep_policies(self) -> None:
        """Of the default virtual host: imported once, and again when they are others."""
        policies = topology.policies("/")
        imported = self.data / "policies.json"
        if not imported.exists() or json.loads(imported.read_text()) != policies:
            self.define(policies)
            imported.write_text(json.dumps(policies))

    def _url(self, vhost: str) -> str:
        return f"amqp://{USER}:{self.password()}@{LOCAL}:{self.port}/{vhost}"

    def _there(self, command: Sequence[str]) -> list[str]:
        return trixie.inside(PACKAGE, self.folder, command) if self._later else list(command)

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` says."""
        done = subprocess.run(
            self._there([str(self.locate() / "rabbitmqctl"), "--quiet", *arguments]),
            env={**os.environ, **self.environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

"""PostgreSQL from Debian's package, or from the folder of programs that MENTORING_POSTGRES names."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.servers.debian import install_package
from deploy.servers.server import LOCAL, USER, Server, ServerMissing

DEBIAN = Path("/usr/lib/postgresql")
DATABASE = "mentoring"
SETTINGS = {"max_connections": "300", "timezone": "UTC", "log_timezone": "UTC", "unix_socket_directories": ""}


class PostgreSQL(Server):
    """It refuses to run as root: then it runs as Debian's user `postgres`, who owns its folder."""

    name = "postgres"
    port_setting = "MENTORING_POSTGRES_PORT"
    program_setting = "MENTORING_POSTGRES"
    default_port = 15432
    stop_signal = signal.SIGINT  # "fast": open sessions are ended

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def obtain(self) -> None:
        install_package("postgresql")

    def locate(self) -> Path:
        """The newest of Debian's, else the one on the PATH."""
        debian = sorted(DEBIAN.glob("*/bin"), key=_version, reverse=True)
        on_path = [Path(initdb).parent] if (initdb := shutil.which("initdb")) else []
        for folder in [Path(self.named)] if self.named else debian + on_path:
            if (folder / "postgres").exists():
                return folder
        raise ServerMissing(
            "PostgreSQL is not here: `make servers` as root on Debian, or name it by MENTORING_POSTGRES"
        )

    def prepare(self) -> None:
        """The data folder gets its name last: half of one is never taken for whole."""
        if self.data.exists():
            return
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        self.password()
        if os.geteuid() == 0:
            for path in (self.folder, self.folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        how = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}"]
        self._run("initdb", f"--pgdata={new}", "--encoding=UTF8", "--locale=C.UTF-8", *how)
        self._run("postgres", "--single", "-D", str(new), "postgres", told=f"CREATE DATABASE {DATABASE}\n")
        new.rename(self.data)

    def command(self) -> Sequence[str]:
        settings = {**SETTINGS, "port": str(self.port), "listen_addresses": LOCAL}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [*self._as_postgres(), str(self.locate() / "postgres"), "-D", str(self.data), *options]

    def ready(self) -> bool:
        asked = [str(self.locate() / "pg_isready"), "--quiet", f"--host={LOCAL}", f"--port={self.port}"]
        return self.running and subprocess.run(asked, check=False).returncode == 0

    def settings(self) -> Mapping[str, str]:
        url = f"postgresql+psycopg://{USER}:{self.password()}@{LOCAL}:{self.port}/{DATABASE}"
        return {"MENTORING_DATABASE_URL": url}

    def _run(self, program: str, *arguments: str, told: str = "") -> None:
        with self.log.open("a") as log:
            done = subprocess.run(
                [*self._as_postgres(), str(self.locate() / program), *arguments],
                input=told,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                text=True,
                check=False,
            )
        if done.returncode:
            raise self.failed(f"could not be prepared, {program} failed:")

    def _as_postgres(self) -> list[str]:
        """Root's own folders are closed to `postgres`: it may pass through them, by a capability."""
        if os.geteuid() != 0:
            return []
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        tried = subprocess.run([*become, "test", "-w", str(self.folder)], stderr=subprocess.DEVNULL, check=False)
        if tried.returncode == 0:
            return become
        return [*become, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]


def _version(folder: Path) -> int:
    return int(folder.parent.name)

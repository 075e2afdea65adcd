"""`python -m deploy.servers up|down|status|install`: the servers for the demo and the tests."""

import argparse
import sys
from pathlib import Path

from deploy.servers import ServerFailed, ServerMissing, Servers
from deploy.servers.debian import install_package
from deploy.servers.toxiproxy import Toxiproxy


def up(servers: Servers) -> None:
    servers.install()
    started = servers.up()
    print("started: " + ", ".join(server.name for server in started) if started else "all run already")
    print(f"settings: {servers.settings_file}")


def down(servers: Servers) -> None:
    servers.down()
    print(f"stopped; the data stay in {servers.folder}")


def status(servers: Servers) -> None:
    for server in servers:
        state = "ready" if server.ready() else "running, not ready" if server.running else "not running"
        print(f"{server.name:9} port {server.port:5}  {state}")


def install(servers: Servers) -> None:
    """Also what tests spoil connections and clocks with."""
    servers.install()
    Toxiproxy(servers.folder, Toxiproxy.default_port).install()
    if not any(Path("/usr/lib").glob("*/faketime")):
        install_package("libfaketime")


def main() -> None:
    verbs = {"up": up, "down": down, "status": status, "install": install}
    parser = argparse.ArgumentParser(prog="python -m deploy.servers", description=__doc__)
    parser.add_argument("verb", choices=verbs)
    chosen = parser.parse_args().verb
    try:
        verbs[chosen](Servers.from_environment())
    except (ServerMissing, ServerFailed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""PostgreSQL, RabbitMQ and MinIO on this machine, for the demo and the tests: without Docker, on ports, in folders and
under passwords of the project's own, beside whatever else runs here.

    with held(servers := Servers.from_environment()):
        servers.postgres.kill()
        servers.postgres.start()
"""

from deploy.servers.all_three import Servers, held
from deploy.servers.server import Server, ServerFailed, ServerMissing

__all__ = ["Server", "ServerFailed", "ServerMissing", "Servers", "held"]

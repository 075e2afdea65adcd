"""Somebody outside, as an operator lets them in."""

from urllib.parse import unquote, urlsplit

from deploy.servers import Servers
from shared.topology import subscriber


def admitted(servers: Servers, broker_url: str, name: str, *types: str) -> str:
    """The URL of a subscriber's user with its queue `sub.<name>` on that broker's virtual host."""
    at = urlsplit(broker_url)
    servers.rabbitmq.define(subscriber(name, "sesame", unquote(at.path[1:]) or "/", types))
    return at._replace(netloc=f"sub.{name}:sesame@{at.hostname}:{at.port}").geturl()

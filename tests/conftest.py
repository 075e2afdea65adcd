"""Real servers for the tests that ask for them, and a plain word about those that did not run."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deploy import fresh
from deploy.servers import ServerMissing, Servers, held

MISSING = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """PostgreSQL, RabbitMQ and MinIO; `.environment` holds the settings by which the platform finds them.

    Those that did not run before the tests are stopped after them. A test that kills one starts it again.
    """
    with ExitStack() as stack:
        try:
            running = stack.enter_context(held(Servers.from_environment()))
        except ServerMissing as missing:
            pytestconfig.stash[MISSING] = str(missing)
            pytest.skip(str(missing))
        yield running


@pytest.fixture
def fresh_database(servers: Servers) -> Iterator[Callable[[], str]]:
    """Each call makes an empty database and gives its administrator's URL; they are dropped after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(fresh.fresh_database(servers))


@pytest.fixture
def fresh_broker(servers: Servers) -> Iterator[Callable[[], str]]:
    """Each call makes a virtual host and gives its URL; they are deleted after the test. Both take about a second."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(fresh.fresh_vhost(servers))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if MISSING in session.config.stash and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if MISSING not in config.stash:
        return
    not_run = [report.nodeid for report in terminalreporter.getreports("skipped") if "servers" in report.keywords]
    terminalreporter.section(f"{len(not_run)} tests did not run", red=True)
    terminalreporter.line(config.stash[MISSING])
    for name in not_run:
        terminalreporter.line(f"  {name}")

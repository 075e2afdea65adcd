"""Real servers for the tests that ask for them, and a plain word about those that did not run."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deploy import fresh
from deploy.servers import ServerMissing, Servers, held


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL, RabbitMQ and MinIO; `.environment` holds the settings by which the platform finds them.

    Those that did not run before the tests are stopped after them. A test that kills one starts it again. Tests that
    run side by side, in processes named gw0, gw1 …, have a set for each process.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with ExitStack() as stack:
        try:
            running = stack.enter_context(held(Servers.from_environment().beside(number)))
        except ServerMissing as missing:
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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal and _not_run(terminal) and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not_run := _not_run(terminalreporter):
        terminalreporter.section(f"{len(not_run)} tests did not run", red=True)
        for reason in sorted(set(not_run.values())):
            terminalreporter.line(reason)
        for name in not_run:
            terminalreporter.line(f"  {name}")


def _not_run(terminal: pytest.TerminalReporter) -> dict[str, str]:
    """Test → why, for those that lacked a server."""
    reports = [report for report in terminal.getreports("skipped") if "servers" in report.keywords]
    return {report.nodeid: str(report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)}

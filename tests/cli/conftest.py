"""A shell with the command line, before a town that is served over a real socket."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.cli import topics
from cloudhall.sdk import language
from tests.api.town import Town
from tests.cli.shell import Shell


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the log-ins, the language and the zone of whoever runs the tests out of them."""
    for name in (*language.VARIABLES, *topics.VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CLOUDHALL_LANG", "en")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("COLUMNS", "80")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, str]]:
    """One town for the tests of a module, and its address."""
    town = Town(tmp_path_factory.mktemp("town"))
    town.kernel.start()
    with town.served() as address:
        yield town, address.removesuffix("/api/v1")
    town.kernel.stop()


@pytest.fixture
def town(served: tuple[Town, str]) -> Town:
    return served[0]


@pytest.fixture
def shell(served: tuple[Town, str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return the shell of the developer of the project `census`."""
    town, url = served
    monkeypatch.setenv("CLOUDHALL_URL", url)
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("dev"))
    monkeypatch.setenv("CLOUDHALL_PROJECT", "census")
    return Shell(town.kernel.registry)

"""One small installation, and a backup of it that nobody may change."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backup.shell import KEY, run
from tests.e2e.server import Server


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demonstration city, up."""
    server = Server(tmp_path_factory.mktemp("backup") / "home")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def taken(city: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the city while it serves."""
    folder = tmp_path_factory.mktemp("taken")
    (folder / KEY).write_text("0123456789abcdef" * 2)
    done = run("backup", "--home", city.home, "--to", folder / "backup", "--key-file", folder / KEY)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def own(taken: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil; the key file lies beside."""
    shutil.copytree(taken, tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of the test's own; all of them are gone afterwards."""
    made: list[Server] = []

    def make(name: str, **more: object) -> Server:
        made.append(Server(tmp_path / name, **more))  # type: ignore[arg-type]  # passed on as given
        return made[-1]

    yield make
    for one in made:
        one.end()

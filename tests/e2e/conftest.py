"""One demonstration city for the tests that leave it running; those that hurt a server start their own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.api import Api
from tests.e2e.server import Server


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The city, up; afterwards no process of it runs and no port of it answers."""
    server = Server(tmp_path_factory.mktemp("city") / "home")
    try:
        server.start()
        yield server
    finally:
        server.end()
    assert server.listening() == []


@pytest.fixture(scope="session")
def developer(city: Server) -> Iterator[Api]:
    """Chen Xiaolan, developer of the Economy and Information Commission."""
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as api:
        yield api


@pytest.fixture(scope="session")
def auditor(city: Server) -> Iterator[Api]:
    """He Chuan, audit administrator."""
    with contextlib.closing(Api.of(city.url, "he-chuan")) as api:
        yield api


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of the test's own, by the arguments of `Server`; all of them are gone afterwards."""
    made: list[Server] = []

    def make(name: str = "home", **more: object) -> Server:
        made.append(Server(tmp_path / name, **more))  # type: ignore[arg-type]  # passed on as given
        return made[-1]

    yield make
    for one in made:
        one.end()

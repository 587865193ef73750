"""One town a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.app.state.host.close()
    town.kernel.stop()


@pytest.fixture
def dev(town: Town) -> TestClient:
    """Return a client of the developer of the project `census`, in English."""
    return town.client("dev", **{"Accept-Language": "en"})

"""One town a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town
from tests.kit.databases import lent


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with lent("town") as database:
        town = Town(tmp_path, database)
        yield town
        town.app.state.host.close()
        town.kernel.stop()


@pytest.fixture
def dev(town: Town) -> TestClient:
    """Return a client of the developer of the project `census`, in English."""
    return town.client("dev", **{"Accept-Language": "en"})

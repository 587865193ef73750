"""One engine for all tests that leave it running; those that kill it start their own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.drivers.objects import weed_process
from cloudhall.drivers.objects.seaweedfs import SeaweedFS

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A running engine."""
    started = SeaweedFS(tmp_path_factory.mktemp("objects"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def own_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeaweedFS]:
    """A running engine of the test's own; killed at the end, which is sooner than stopped."""
    started = SeaweedFS(tmp_path / "objects")
    started.start()
    yield started
    monkeypatch.setattr(weed_process, "STOP_S", 0.0)
    started.stop()


@pytest.fixture
def bucket(engine: SeaweedFS) -> str:
    """A new bucket in the shared engine."""
    name = f"bucket-{next(_numbers)}"
    engine.ensure_bucket(name)
    return name

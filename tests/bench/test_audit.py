"""`bench/audit.py` in small: its figures hold together."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import audit, create
from tests.kit.postgres import binaries


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose parent a server of another user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("dialect", create.DIALECTS)
def test_a_short_run_ends_with_figures_that_hold_together(
    dialect: str, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    if dialect == "postgres" and binaries() is None:
        pytest.skip("there is no PostgreSQL here")
    monkeypatch.setattr(create, "BARE_S", 0.2)
    found = audit.measure(dialect, home, waiting=64, seconds=1, entries=3_000)
    figures = {name.removeprefix(f"{dialect}."): value for name, value in found.items()}
    assert figures["entries"] >= 3_000
    assert 0 < figures["fsyncs_per_s"] <= figures["writes_per_s"]
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] < 2_000
    assert 1_000 < figures["proof_bytes"] < 4_000
    assert (figures.pop("database_cpu_s_per_1000") > 0) == (dialect == "postgres")
    assert all(value > 0 for value in figures.values())

"""`bench/kind_scale.py` in small: who sees how many, and figures that hold together."""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import create, kind_scale
from tests.kit.postgres import binaries


def test_rows_lie_where_the_callers_of_the_measurement_expect_them() -> None:
    projects = [f"p{n}" for n in range(kind_scale.PROJECTS)]
    held = Counter(kind_scale.homes(projects, 100_000, random.Random(1)))  # noqa: S311  replayable on purpose
    assert sum(held.values()) == 100_000
    assert [held[projects[n]] for n in kind_scale.FEW] == [1] * 10
    assert sum(held[projects[n]] for n in kind_scale.SOME) == 10_000


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose parent a server of another user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("dialect", create.DIALECTS)
def test_a_short_run_ends_with_figures_that_hold_together(
    dialect: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dialect == "postgres" and binaries() is None:
        pytest.skip("there is no PostgreSQL here")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with create.OPENS[dialect](home) as database:
        figures = kind_scale.run(home, database.url, rows=11_000, seed=1, asked=3)
    assert figures["rows"] == 11_000
    assert 0 < figures["get_p50_ms"] < figures["page_p99_ms"] < 1_000
    assert figures["bare_page_p99_ms"] > 0
    assert all(figures[f"{q}_p95_ms_{who}"] > 0 for q in kind_scale.QUESTIONS for who in ("10", "10000", "all"))

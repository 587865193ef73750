"""`bench/kind_scale.py` in small: who sees how many, and figures that hold together."""

import random
from collections import Counter
from pathlib import Path

import pytest

from bench import kind_scale


def test_rows_lie_where_the_callers_of_the_measurement_expect_them() -> None:
    projects = [f"p{n}" for n in range(kind_scale.PROJECTS)]
    held = Counter(kind_scale.homes(projects, 100_000, random.Random(1)))  # noqa: S311  replayable on purpose
    assert sum(held.values()) == 100_000
    assert [held[projects[n]] for n in kind_scale.FEW] == [1] * 10
    assert sum(held[projects[n]] for n in kind_scale.SOME) == 10_000


def test_a_short_run_ends_with_figures_that_hold_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    figures = kind_scale.run(tmp_path, rows=11_000, seed=1, asked=3)
    assert figures["rows"] == 11_000
    assert 0 < figures["get_p50_ms"] < figures["page_p99_ms"] < 1_000
    assert figures["bare_page_p99_ms"] > 0
    assert all(figures[f"{q}_p95_ms_{who}"] > 0 for q in kind_scale.QUESTIONS for who in ("10", "10000", "all"))

"""`bench/audit.py` in small: its figures hold together."""

from pathlib import Path

import pytest

from bench import audit, create


def test_a_short_run_ends_with_figures_that_hold_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(create, "BARE_S", 0.2)
    monkeypatch.setattr(audit, "HASHED", 10_000)
    figures = audit.measure(tmp_path, waiting=64, seconds=1, entries=3_000)
    assert figures["entries"] >= 3_000
    assert 0 < figures["fsyncs_per_s"] <= figures["writes_per_s"]
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] < 2_000
    assert 1_000 < figures["proof_bytes"] < 4_000
    assert figures["verify_per_s"] < figures["bare_hashes_per_s"]
    assert all(value > 0 for value in figures.values())

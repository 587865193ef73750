"""`bench/create.py` in small: its figures hold together, and a create that was acknowledged is there."""

import sqlite3
from pathlib import Path

import pytest

from bench import create


def test_a_short_run_ends_with_figures_that_hold_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "WARM_UP_S", 0.2)
    monkeypatch.setattr(create, "BARE_S", 0.2)
    figures = create.measure(tmp_path, clients=4, seconds=1)
    assert figures["missing"] == figures["connections_lost"] == 0
    assert 0 < figures["fsyncs_per_s"] <= figures["creates_per_s"]
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] < 1_000
    assert (
        0 < figures["client_cpu_s_per_1000"] < figures["server_cpu_s_per_1000"] < 1_000 / figures["creates_per_s"] * 2
    )
    assert figures["bare_fsyncs_per_s"] > 0
    assert figures["bare_sqlite_rows_per_s"] > 0


def test_a_create_that_was_lost_is_counted(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cloudhall.db") as database:
        database.execute("CREATE TABLE bench_ticket (name TEXT)")
        database.execute("INSERT INTO bench_ticket VALUES ('t-1')")
    database.close()
    assert create.missing(tmp_path, ["t-1", "t-2"]) == 1

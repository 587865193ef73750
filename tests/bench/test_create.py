"""`bench/create.py` in small: its figures hold together, and a create that was acknowledged is there."""

import sqlite3
from pathlib import Path

import pytest

from bench import create
from tests.kit.hall import folder


@pytest.mark.parametrize("dialect", create.DIALECTS)
def test_a_short_run_ends_with_figures_that_hold_together(monkeypatch: pytest.MonkeyPatch, dialect: str) -> None:
    monkeypatch.setattr(create, "WARM_UP_S", 0.2)
    monkeypatch.setattr(create, "BARE_S", 0.2)
    monkeypatch.setattr(create, "BATCH", 5)  # so that some are done in a second, however busy the machine is
    with folder() as home:
        measured = create.measure(dialect, home, clients=4, seconds=1, workers=2 if dialect == "postgres" else 1)
    assert {key.partition(".")[0] for key in measured} == {dialect}
    figures = {key.partition(".")[2]: value for key, value in measured.items()}
    assert figures["missing"] == figures["connections_lost"] == 0
    assert min(figures["fsyncs_per_s"], figures["single_per_s"]) > 0
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] < 1_000
    assert 0 < figures["client_cpu_s_per_1000"] < figures["server_cpu_s_per_1000"] < 1_000 / figures["single_per_s"] * 2
    assert (figures["database_cpu_s_per_1000"] > 0) == (dialect == "postgres")
    assert all(figures[key] > 0 for key in ("batch_per_s", "bytes_per_create", "bare_fsyncs_per_s", "bare_rows_per_s"))


def test_a_create_that_was_lost_is_counted(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cloudhall.db") as database:
        database.execute("CREATE TABLE bench_ticket (name TEXT)")
        database.execute("INSERT INTO bench_ticket VALUES ('t-1')")
    database.close()
    with create.sqlite(tmp_path) as measured:
        assert create.missing(measured, ["t-1", "t-2"]) == 1

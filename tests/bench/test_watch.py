"""`bench/watch.py` in small: everybody hears of everything, and the figures hold together."""

from pathlib import Path

import pytest

from bench import watch


def test_a_short_run_misses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WARM_UP_S", 0.2)
    figures = watch.measure("sqlite", tmp_path, clients=10, per_s=10, seconds=1)
    assert (figures["sqlite.missed"], figures["sqlite.events"]) == (0, 10)
    assert 0 < figures["sqlite.p50_ms"] <= figures["sqlite.p99_ms"] < 5_000
    assert 0 < figures["sqlite.heard_per_s"] <= 110


def test_a_client_takes_frames_as_they_come() -> None:
    watcher = watch.Watcher(b"")
    frame = b'id: 7\nevent: x\ndata: {"at":"2026-01-01T00:00:00Z"}\n\nid: 7\n\n'
    for at in range(len(frame)):
        watcher.data_received(frame[at : at + 1])
    assert list(watcher.lags_ms) == [7]

"""`bench/busy.py` in small: everybody works, nothing fails, and the figures hold together."""

from pathlib import Path

from bench import busy
from bench.busy import Paces


def test_a_short_run_fails_nowhere(tmp_path: Path) -> None:
    paces = Paces(writes=5, s3=5, lists=0.5, watchers=3, visitors=2)
    figures = busy.measure("sqlite", tmp_path, paces, seconds=4)
    assert figures["sqlite.failed"] == 0
    for name in ("writes", "heard", "s3", "pages", "fsyncs"):
        assert figures[f"sqlite.{name}_per_s"] > 0, name
    pages = [figures[f"sqlite.{name}_p95_ms"] for name in ("home", "list", "detail")]
    assert 0 < figures["sqlite.page_p50_ms"] <= figures["sqlite.page_p95_ms"] <= max(pages)
    assert figures["sqlite.server_cores"] > 0

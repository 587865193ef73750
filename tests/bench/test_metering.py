"""`bench/metering.py` in small, on either database: everything is taken in once, and adds up as the generator says."""

import pytest

from bench import metering
from tests.kit.postgres import binaries

LOAD = metering.Load(readings=30_000, batch=1_000, projects=10, seed=3)


@pytest.mark.parametrize("dialect", metering.DIALECTS)
def test_a_short_run_ends_with_figures_that_hold_together(dialect: str) -> None:
    if dialect == "postgres" and binaries() is None:
        pytest.skip("there is no PostgreSQL")
    figures = {name.partition(".")[2]: value for name, value in metering.measure(dialect, LOAD).items()}
    assert figures["readings"] == LOAD.projects * LOAD.resources * LOAD.slots * len(metering.KEYS) > 29_000
    assert (figures["totals"], figures["mismatches"]) == (LOAD.projects * LOAD.resources * len(metering.KEYS), 0)
    assert 0.08 < figures["duplicates_share"] < 0.12
    assert figures["ingest_per_s"] > figures["kept_per_s"] > 500
    assert 0 < figures["rate_s"] < 10
    assert figures["bare_rows_per_s"] > 500
    assert 100 < figures["bytes_per_reading"] < 2_000


def test_a_total_that_is_wrong_is_found() -> None:
    class Empty:
        def execute(self, *_: object) -> "Empty":
            return self

        def __iter__(self) -> "Empty":
            return self

        def __next__(self) -> None:
            raise StopIteration

        def fetchall(self) -> list[object]:
            return []

    told = metering.compared(Empty(), LOAD, {"pr-000000 storage.sent_bytes bk-1": 5})  # type: ignore[arg-type]  # holds nothing
    assert told == {"totals": 1, "mismatches": 1}

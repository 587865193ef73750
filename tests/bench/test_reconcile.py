"""`bench/reconcile.py` in small: nothing is left undone, and a crashed worker's share is taken over."""

from bench import reconcile
from cloudhall.kernel import work
from cloudhall.kernel.world import SECOND_US


def test_a_short_run_ends_with_figures_that_hold_together() -> None:
    figures = reconcile.measured("sqlite", parked=1_000, due=2_000)
    assert figures["sqlite.noop_per_s"] > 100
    assert 0 < figures["sqlite.noop_cpu_s_per_1000"] < 10
    assert figures["sqlite.bare_claims_per_s"] > 100
    lease_s = work.LEASE_US / SECOND_US
    assert lease_s / 2 < figures["sqlite.taken_over_s"] <= lease_s + 2

"""A scheduler that is killed goes on where its log ends; the whole measurement kills it more often."""

from pathlib import Path

import pytest

from bench.placement_occ import killed
from bench.support.killed_scheduler import Scheduler, leads_to
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet


def test_a_killed_scheduler_has_what_it_acknowledged(tmp_path: Path) -> None:
    figures = killed(tmp_path, 2, 7)
    assert figures["wrong"] == 0
    assert figures["batches"] > 2


@pytest.mark.parametrize(("logged", "right"), [(1, False), (2, True), (3, True), (4, False)])
def test_a_log_that_lacks_a_batch_or_holds_one_too_many_is_noticed(logged: int, right: bool) -> None:
    acknowledged, (first, second) = 2, (Engine(Fleet.of("64c256g", 100), compiled=False) for _ in "12")
    scheduler = Scheduler(first, 7)
    for _ in range(logged):
        scheduler.batch()
    assert leads_to(second, 7, acknowledged, first.state_hash()) == right

"""Traces made up for the tests, and a recount that knows nothing of the engine's books."""

import csv
from pathlib import Path

import numpy as np

from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.traces import TO_THE_END, Machines

HEADER = ("vm_id", "batch_id", "arrival_s", "cpu", "mem_gb", "life_lo_s", "life_hi_s", "censored")
SIZES = ((1, 1.75), (2, 3.5), (4, 7), (8, 14), (8, 56))


def machines(count: int, seed: int) -> Machines:
    """Machines of a few sizes over ten hours; every tenth outlives the trace."""
    chance = np.random.default_rng(seed)
    size = np.array(SIZES)[chance.choice(len(SIZES), count, p=(0.4, 0.25, 0.2, 0.1, 0.05))]
    life_s = chance.integers(150, 20_000, count)
    return Machines(
        np.arange(count),
        np.sort(chance.integers(0, 120, count)) * 300,
        (size[:, 0] * 1000).astype(np.int64),
        (size[:, 1] * 1024).astype(np.int64),
        np.where(chance.random(count) < 0.1, TO_THE_END, life_s),
    )


def written(folder: Path, rows: list[tuple[object, ...]]) -> Path:
    """A trace of these rows."""
    folder.mkdir(exist_ok=True)
    with (folder / "vms.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder


def taken(engine: Engine) -> dict[int, tuple[int, int]]:
    """Cores and memory taken on each host, added up from its guests one by one."""
    sums = {}
    for host in range(len(engine.fleet)):
        requests = [engine.allocation(id).request for id in engine.guests(host)]
        sums[host] = sum(r.cpu_milli for r in requests), sum(r.memory_mib for r in requests)
    return sums

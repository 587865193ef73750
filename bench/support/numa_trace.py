"""Machines as they queue for a few hosts of two NUMA nodes: a generator, since no real trace of that form is free.

    python -m bench.support.numa_trace --to DIR --starts FILE

writes DIR/vms.csv.gz (vmid, cpu, mem, at, lt) and start rows.

Sizes are powers of two, small ones the most frequent, with 1, 2 or 4 GB a core, as public clouds sell them. Arrivals
are a Poisson process whose rate follows the hour of the day, fast enough to fill five hosts in minutes. Lifetimes are
lognormal: half of the machines end within about two hours, a few live for weeks and hold most of the room.
"""

import argparse
import csv
import gzip
import json
from pathlib import Path

import numpy as np

from cloudhall.domains.compute.placement.traces import Machines

MACHINES = 20_000
CORES, CORES_SHARE = (1, 2, 4, 8, 16, 32), (0.30, 0.27, 0.20, 0.14, 0.07, 0.02)
GB_A_CORE, GB_SHARE = (1, 2, 4), (0.25, 0.5, 0.25)
MEAN_GAP_S, DAY_S, SWING = 5.0, 86_400, 0.6
LIFE_MEDIAN_S, LIFE_SIGMA, LIFE_MAX_S = 7_200.0, 2.2, 30 * 86_400
NODES_GB = 180
MIB_A_GB = 1024


def generate(seed: int, machines: int = MACHINES) -> Machines:
    """Machines in order of arrival; the same seed gives the same ones."""
    chance = np.random.default_rng(seed)
    cores = chance.choice(CORES, machines, p=CORES_SHARE)
    memory_gb = np.minimum(cores * chance.choice(GB_A_CORE, machines, p=GB_SHARE), NODES_GB)
    rate = 1 + SWING * np.sin(2 * np.pi * np.arange(machines) * MEAN_GAP_S / DAY_S)
    arrival_s = np.cumsum(chance.exponential(MEAN_GAP_S, machines) / rate).astype(np.int64)
    life_s = np.minimum(chance.lognormal(np.log(LIFE_MEDIAN_S), LIFE_SIGMA, machines), LIFE_MAX_S).astype(np.int64) + 1
    return Machines(np.arange(machines), arrival_s, cores * 1000, memory_gb * MIB_A_GB, life_s)


def write(machines: Machines, folder: Path) -> None:
    """Write them as `vms.csv.gz`."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (machines.cpu_milli // 1000, machines.memory_mib // MIB_A_GB, machines.arrival_s, machines.life_s)
    with gzip.open(folder / "vms.csv.gz", "wt", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("vmid", "cpu", "mem", "at", "lt"))
        rows.writerows(zip(range(len(machines.life_s)), *(column.tolist() for column in columns), strict=True))


def main() -> None:
    """Write a trace and start rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR")
    parser.add_argument("--starts", type=Path, required=True, metavar="FILE")
    parser.add_argument("--count", type=int, default=50, metavar="N", help="start rows")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    given = parser.parse_args()
    machines = generate(given.seed)
    write(machines, given.to)
    starts = np.random.default_rng(given.seed).integers(0, len(machines.life_s) - 1_000, given.count)
    given.starts.write_text("\n".join(map(str, np.sort(starts).tolist())) + "\n", "utf-8")
    print(json.dumps({"machines": len(machines.life_s), "starts": given.count, "seed": given.seed}))


if __name__ == "__main__":
    main()

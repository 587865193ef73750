"""How long machines queue for hosts of two NUMA nodes, from many starting points of one trace.

    wait_trimmed_mean_s             the policy's: 10 % trimmed mean over the starts of the queue's waiting seconds
    first_fit_wait_trimmed_mean_s   first-fit's, on the same queues
    ratio_to_first_fit              the former over the latter
    wait_mean_s, …                  the untrimmed ones

A start row begins a queue: the machines that first-fit places on empty hosts before the first one that does not fit,
nothing released, and `MORE` after those. A queue is served first in, first out: the head waits until it fits, and
everybody behind it too. A machine comes at its arrival; it leaves its lifetime after it was placed. A machine with more
than `--split-gb` of memory lies half on each node of one host, any other on one node.

Policies: `numa` (the engine's profile) and first-fit (the lowest host, then the lower node).
"""

import argparse
import heapq
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.support.numa_trace import generate
from cloudhall.domains.compute.placement.engine import Decision, Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.traces import Machines, read_queue, read_starts

HOSTS, NODE_CORES, NODE_GB = 5, 40, 90
MIB_A_GB = 1024
MORE = 40
TRIM = 0.1


class Wish(NamedTuple):
    """A machine of the queue; sizes of what it takes of one node, or of each where it is split."""

    cpu_milli: int
    memory_mib: int
    split: bool
    arrival_s: int
    life_s: int


class FirstFit:
    """The lowest host that takes it, its lower node first."""

    def __init__(self) -> None:
        """All hosts are empty."""
        self.free = [[NODE_CORES * 1000, NODE_GB * MIB_A_GB] for _ in range(2 * HOSTS)]

    def place(self, wish: Wish) -> tuple[int, ...] | None:
        """Nodes that it was put on, or nothing."""
        pairs = ((2 * host, 2 * host + 1) for host in range(HOSTS))
        for nodes in pairs if wish.split else ((node,) for node in range(2 * HOSTS)):
            if all(self.free[n][0] >= wish.cpu_milli and self.free[n][1] >= wish.memory_mib for n in nodes):
                self._take(nodes, wish, 1)
                return nodes
        return None

    def release(self, nodes: tuple[int, ...], wish: Wish) -> None:
        """Give back."""
        self._take(nodes, wish, -1)

    def _take(self, nodes: tuple[int, ...], wish: Wish, sign: int) -> None:
        for node in nodes:
            self.free[node][0] -= sign * wish.cpu_milli
            self.free[node][1] -= sign * wish.memory_mib


class ByProfile:
    """The engine, by a score profile."""

    def __init__(self, profile: str) -> None:
        """All hosts are empty."""
        fleet = Fleet.from_arrays(
            cpu_milli=np.full(HOSTS, 2 * NODE_CORES * 1000),
            memory_mib=np.full(HOSTS, 2 * NODE_GB * MIB_A_GB),
            paired=np.ones(HOSTS, np.int64),
        )
        self.engine, self.profile = Engine(fleet, compiled=False), profile

    def place(self, wish: Wish) -> tuple[int, ...] | None:
        """Return the allocation's number, or nothing."""
        times = 2 if wish.split else 1
        answer = self.engine.place(
            Request(
                cpu_milli=times * wish.cpu_milli,
                memory_mib=times * wish.memory_mib,
                numa="both" if wish.split else "one",
                profile=self.profile,
            )
        )
        return (answer.id,) if isinstance(answer, Decision) else None

    def release(self, nodes: tuple[int, ...], wish: Wish) -> None:
        """Give back."""
        del wish
        self.engine.free(nodes[0])


Policy = FirstFit | ByProfile


def wishes(machines: Machines, split_gb: int) -> list[Wish]:
    """What each machine takes; half of it, rounded up, where it is split."""
    found = []
    columns = (machines.cpu_milli, machines.memory_mib, machines.arrival_s, machines.life_s)
    for cpu, memory, arrival_s, life_s in zip(*(column.tolist() for column in columns), strict=True):
        split = memory > split_gb * MIB_A_GB
        half = 2 if split else 1
        found.append(Wish(-(-cpu // half), -(-memory // half), split, arrival_s, life_s))
    return found


def queue_from(every: Sequence[Wish], start: int) -> Sequence[Wish]:
    """Machines that first-fit places from `start` on, and `MORE`."""
    hosts, end = FirstFit(), start
    while end < len(every) and hosts.place(every[end]) is not None:
        end += 1
    return every[start : end + MORE]


def wait_s(queue: Sequence[Wish], policy: Policy) -> float:
    """Serve a queue; answers the seconds that its machines waited in all. Infinite where one fits on no empty host."""
    running: list[tuple[int, int, tuple[int, ...], Wish]] = []
    now_s, waited_s = 0, 0
    for number, wish in enumerate(queue):
        now_s = max(now_s, wish.arrival_s)
        while running and running[0][0] <= now_s:
            policy.release(*heapq.heappop(running)[2:])
        while (nodes := policy.place(wish)) is None:
            if not running:
                return float("inf")
            now_s = max(now_s, running[0][0])
            policy.release(*heapq.heappop(running)[2:])
        waited_s += now_s - wish.arrival_s
        heapq.heappush(running, (now_s + wish.life_s, number, nodes, wish))
    return float(waited_s)


def trimmed_mean(values: Sequence[float]) -> float:
    """Mean without the lowest and the highest tenth."""
    cut = int(len(values) * TRIM)
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Serve every queue by both policies."""
    machines = generate(given.seed) if given.trace is None else read_queue(given.trace)
    count = len(machines.arrival_s)
    starts = read_starts(given.starts, count) if given.starts else list(range(0, count - 400, max(count // 50, 1)))
    every, began = wishes(machines, given.split_gb), time.process_time()
    queues = [queue_from(every, start) for start in starts]
    policies: dict[str, Callable[[], Policy]] = {"": lambda: ByProfile(given.score), "first_fit_": FirstFit}
    figures: dict[str, Any] = {"starts": len(starts), "machines": count, "trace": str(given.trace or "generated")}
    for name, policy in policies.items():
        waits = [wait_s(queue, policy()) for queue in queues]
        figures[f"{name}wait_trimmed_mean_s"] = round(trimmed_mean(waits), 1)
        figures[f"{name}wait_mean_s"] = round(statistics.fmean(waits), 1)
    first_fit = max(figures["first_fit_wait_trimmed_mean_s"], 1e-9)
    figures["ratio_to_first_fit"] = round(figures["wait_trimmed_mean_s"] / first_fit, 4)
    figures["queue_mean"] = round(statistics.fmean(map(len, queues)), 1)
    figures["cpu_s"] = round(time.process_time() - began, 1)
    return figures


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, metavar="DIR", help="with vms.csv.gz; without one a trace is generated")
    parser.add_argument("--starts", type=Path, metavar="FILE", help="a row a line; without it 50 evenly spread ones")
    parser.add_argument("--score", default="numa", metavar="PROFILE")
    parser.add_argument("--split-gb", type=int, default=10, metavar="GB")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="of the generated trace")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()

"""Decisions a CPU second for each kind of constraint, on a fleet as large as the Kubernetes scheduler is tested on.

    <kind>_per_cpu_s   `Engine.place` called from Python, one machine after the other
    <kind>_floor       what the Kubernetes project demands of its scheduler for the like, pods a second on 5,000 nodes
    <kind>_ratio       the one by the other
    violations         placements that break their constraint, counted from what is allocated

Their floor includes an API server and etcd, ours neither: the ratio says what is left for those.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement.engine import Decision, Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level

FLOORS = {"basic": 680, "label": 220, "apart": 60, "affinity": 35, "spread": 90, "gpu": 180}
RACK_HOSTS = 40
GROUP = 20
PLAIN = Request(cpu_milli=1_000, memory_mib=2_048)
Place = Callable[[int], tuple[Request, int]]


def fleet(hosts: int) -> Fleet:
    """Hosts of 64 cores in racks and five halls; half carry a label, half eight processors."""
    numbers, labels = np.arange(hosts), Labels(["ssd"])
    return Fleet.from_arrays(
        cpu_milli=np.full(hosts, 64_000),
        memory_mib=np.full(hosts, 262_144),
        rack=numbers // RACK_HOSTS,
        hall=numbers * 5 // hosts,
        labels=labels,
        label_bits=numbers % 2 * labels.bits(["ssd"]),
        gpus=numbers % 2 * 8,
    )


def asked(engine: Engine, kind: str, count: int) -> Place:
    """What the `n`-th machine of a kind asks for."""
    if kind in ("basic", "label", "gpu"):
        request = {
            "basic": PLAIN,
            "label": Request(cpu_milli=1_000, memory_mib=2_048, required=("ssd",)),
            "gpu": Request(cpu_milli=1_000, memory_mib=2_048, gpus=1, profile="gpu"),
        }[kind]
        return lambda _: (request, -1)
    rule = {
        "apart": Rule("apart", Level.HOST),
        "affinity": Rule("together", Level.RACK),
        "spread": Rule("spread", Level.HALL, 1),
    }[kind]
    first = engine.declare_groups([rule], count // GROUP + 1)
    return lambda number: (PLAIN, first + number // GROUP)


def broken(engine: Engine, kind: str, placed: list[Decision]) -> int:
    """Placements against the rule: wrong label, a host or rack too many, a skew too great."""
    found = [engine.allocation(decision.id) for decision in placed]
    if kind == "label":
        return sum(a.host % 2 == 0 for a in found)
    if kind == "gpu":
        return sum(a.gpus.bit_count() != 1 for a in found)
    level = {"apart": Level.HOST, "affinity": Level.RACK, "spread": Level.HALL}.get(kind)
    if level is None:
        return 0
    wrong = 0
    for group in {a.group for a in found}:
        domains = engine.fleet.topology.domain[level][[a.host for a in found if a.group == group]]
        counts = np.bincount(domains, minlength=5)
        wrong += {
            "apart": int(counts.max() > 1),
            "affinity": int((counts > 0).sum() > 1),
            "spread": int(counts.max() - counts.min() > 1),
        }[kind]
    return wrong


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Every kind on a fleet of its own."""
    figures: dict[str, Any] = {"hosts": given.hosts, "machines": given.machines, "violations": 0}
    for kind, floor in FLOORS.items():
        engine = Engine(fleet(given.hosts), compiled=True)
        engine.expect([(Request(cpu_milli=2_000, gpus=1, gpu_milli=500), 1), (Request(cpu_milli=8_000, gpus=8), 1)])
        ask = asked(engine, kind, given.machines)
        engine.place(*ask(0))
        began = time.process_time()
        answers = [engine.place(*ask(number)) for number in range(1, given.machines)]
        rate = (given.machines - 1) / (time.process_time() - began)
        placed = [answer for answer in answers if isinstance(answer, Decision)]
        figures["violations"] += broken(engine, kind, placed) + len(answers) - len(placed)
        figures |= {f"{kind}_per_cpu_s": round(rate), f"{kind}_floor": floor, f"{kind}_ratio": round(rate / floor)}
    return figures


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=5_000, metavar="N")
    parser.add_argument("--machines", type=int, default=10_000, metavar="N", help="placed of each kind")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()

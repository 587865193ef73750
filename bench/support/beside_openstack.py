"""The engine and OpenStack Placement on equal fleets, decision by decision.

Theirs writes each allocation to a database (SQLite, in process), ours keeps it in memory: the ratio is one of deciding.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.support import peers
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.request import Request

CORES, MEMORY_GIB = 64, 256
FLEETS = {1_000: 20, 10_000: 10}
"""Hosts, and how many decisions of theirs are enough to see the cost of one."""
OURS = 2_000


def figures(requests: Sequence[Request]) -> dict[str, float]:
    """Decisions a CPU second of both, and their ratio, for each size of fleet."""
    python, found = peers.python_of("openstack-placement"), {}
    for hosts, decisions in FLEETS.items():
        theirs = _theirs(python, hosts, decisions, requests)
        ours = _ours(hosts, requests)
        found[f"openstack_{hosts}_per_cpu_s"] = round(theirs["decisions"] / theirs["cpu_s"], 2)
        found[f"single_{hosts}_per_cpu_s"] = round(ours)
        found[f"ratio_to_openstack_{hosts}"] = round(ours * theirs["cpu_s"] / theirs["decisions"])
    return found


def _theirs(python: Path, hosts: int, decisions: int, requests: Sequence[Request]) -> Any:
    flavours = ",".join(f"{max(r.cpu_milli // 1000, 1)}x{r.memory_mib}" for r in requests)
    script = Path(__file__).with_name("openstack_placement.py")
    size = ("--hosts", str(hosts), "--host", f"{CORES}x{MEMORY_GIB << 10}")
    asked = ("--flavours", flavours, "--decisions", str(decisions))
    done = subprocess.run([python, script, *size, *asked], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _ours(hosts: int, requests: Sequence[Request]) -> float:
    engine = Engine(Fleet.of(f"{CORES}c{MEMORY_GIB}g", hosts), compiled=True)
    for request in requests:
        engine.place(request)
    began_s = time.process_time()
    for number in range(OURS):
        engine.place(requests[number % len(requests)])
    return OURS / (time.process_time() - began_s)

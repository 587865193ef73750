"""Emptying a rack or a hall of a full park: how long until it is decided where everybody goes.

    plan_ms             the plan for the whole domain, made on a trial and taken back: best of `--repeat`
    moves, stay         machines that move, and that have nowhere to go
    step_us             one step carried out after approval, over the first `--steps` of them
    at_once_ms          all of them at once, as `Engine.move_many` does it
    violations          hosts overfull or short-changed after that, machines left behind, groups' rules broken
    ms_per_1000_moves   the plan's cost a thousand machines

The park: 300,000 hosts in halls of 750 racks of 40, three sizes by rack, filled to 70 % of its cores with the flavours
of the trace, each tenant's batch a group that keeps apart by host.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.engine import Engine, Stream
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.planner.evacuate import evacuate, hosts_of
from cloudhall.domains.compute.placement.planner.plan import Approved, carry_out
from cloudhall.domains.compute.placement.simulate import classes
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.domains.compute.placement.traces import Machines, read_machines

RACK_HOSTS, HALL_RACKS = 40, 750
SIZES = np.array([(64, 256), (96, 384), (48, 192)])
SHARES = (0.6, 0.25, 0.15)
FULL = 0.7


def park(hosts: int, chance: np.random.Generator) -> Fleet:
    """Three sizes of host, one a rack."""
    rack = np.arange(hosts) // RACK_HOSTS
    size = SIZES[chance.choice(len(SIZES), int(rack[-1]) + 1, p=SHARES)[rack]]
    return Fleet.from_arrays(
        cpu_milli=size[:, 0] * 1000, memory_mib=size[:, 1] * 1024, rack=rack, hall=rack // HALL_RACKS
    )


def filled(machines: Machines, hosts: int, chance: np.random.Generator) -> Engine:
    """An engine with machines of the trace drawn at random up to `FULL` of its cores; a group is a batch of 4."""
    engine = Engine(park(hosts, chance), compiled=True)
    mean_milli = float(machines.cpu_milli.mean())
    count = int(FULL * engine.fleet.capacity[:, at.CPU].sum() / mean_milli)
    drawn = chance.integers(0, len(machines.cpu_milli), count)
    first = engine.declare_groups([Rule("apart", Level.HOST)], count // 4 + 1)
    numbers = np.arange(count, dtype=np.int32)
    stream = Stream(classes(engine, machines, "pack")[drawn], numbers, first + numbers // 4)
    engine.run(stream, np.full(count, -1, np.int64))
    return engine


def violations(engine: Engine, left: np.ndarray[Any, np.dtype[np.int64]], stay: int) -> int:
    """Hosts whose free room is negative or not what their guests leave, guests left behind, groups that meet."""
    books = engine.state.books
    live = books.allocs[books.allocs[:, at.HOST] >= 0]
    need = books.classes[live[:, at.CLASS] & (at.CLASSES_MAX - 1)]
    wrong = np.zeros(len(books.hosts), bool)
    for column in (at.CPU, at.MEM):
        taken = np.bincount(live[:, at.HOST], need[:, column], len(books.hosts)).astype(np.int64)
        wrong |= (books.hosts[:, column] < 0) | (books.hosts[:, column] + taken != engine.fleet.capacity[:, column])
    pairs = live[:, at.GROUP].astype(np.int64) * len(books.hosts) + live[:, at.HOST]
    behind = int(books.hosts[left, at.GUESTS].sum()) - stay
    return int(wrong.sum()) + behind + len(pairs) - len(np.unique(pairs))


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Fill, plan, carry out, check."""
    engine = filled(read_machines(given.trace), given.hosts, np.random.default_rng(given.seed))
    before, times = engine.state_hash(), []
    hosts = hosts_of(engine, Level[given.domain.upper()], [given.number])
    plan = evacuate(engine, hosts)
    for _ in range(given.repeat):
        began = time.process_time()
        plan = evacuate(engine, hosts)
        times.append((time.process_time() - began) * 1_000)
    assert engine.state_hash() == before, "a plan leaves everything as it was"
    began = time.process_time()
    done = carry_out(engine, Approved(plan, "bench"), count=given.steps)
    step_us = (time.process_time() - began) * 1_000_000 / max(done, 1)
    began = time.process_time()
    targets = engine.move_many(plan.moves.id[done:].tolist())
    at_once_ms = (time.process_time() - began) * 1_000
    assert np.array_equal(targets, plan.moves.target[done:]), "what was planned is what happens"
    return {
        "domain": given.domain,
        "hosts": given.hosts,
        "machines": int(engine.state.books.totals[at.T_LIVE]),
        "plan_ms": round(min(times), 2),
        "plan_ms_worst": round(max(times), 2),
        "moves": len(plan),
        "stay": len(plan.stay),
        "ms_per_1000_moves": round(1_000 * min(times) / max(len(plan), 1), 3),
        "step_us": round(step_us, 1),
        "at_once_ms": round(at_once_ms, 2),
        "violations": violations(engine, hosts, len(plan.stay)),
        "state_hash": engine.state_hash(),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, required=True, metavar="DIR")
    parser.add_argument("--domain", choices=("host", "rack", "hall"), default="rack")
    parser.add_argument("--number", type=int, default=3, metavar="N", help="which one, counted from 0")
    parser.add_argument("--hosts", type=int, default=300_000, metavar="N")
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    parser.add_argument("--steps", type=int, default=100, metavar="N", help="carried out one by one")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()

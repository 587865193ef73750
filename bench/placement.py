"""How fast the placement engine decides on a full park, and whether each decision is the one that brute force makes.

    events_per_cpu_s       arrivals and departures of the trace, a CPU second of one core, allocation table and all
    scan_events_per_cpu_s  the same fleet and requests by a plain vector scan; only arrivals count, departures are free
    ratio_to_scan          the one by the other
    apart_events_per_cpu_s the same stream with each tenant's batch kept apart by rack
    call_us_p50 …          one `place` from Python in the same mix, by the clock; `call_cpu_us_…` by CPU time
    state_hash             after the stream; `same_hash`: after a second run with a restart from a snapshot in mid-trace
    oracle_checked         decisions of the second run compared with brute force, of which `oracle_mismatches` differ
    first_decision_s       a new process, nothing compiled before: from the first import to the first answer
    rss_mib                resident at most, before the second run
    openstack_N_per_cpu_s  OpenStack Placement on N equal hosts, fetched into an environment of its own; `--no-peer`
                           leaves it out. `single_N_per_cpu_s`: `place` from Python on the same; `ratio_to_openstack_N`

The park: halls of 750 racks of 40 hosts, a size a rack (64c256g 60 %, 96c384g 25 %, 48c192g 15 %), zone labels by rack.
It is filled to the first share of its cores with flavours drawn by core-hours, and emptied at random to the second.
Signatures multiply the 16 flavours of the trace: the first is plain, each other one avoids a zone.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.support import beside_openstack
from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Decision, Engine, Stream
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.domains.compute.placement.traces import TO_THE_END, Machines, read_machines

FLEETS = {"park10k": 10_000, "park30k": 30_000, "park100k": 100_000, "park300k": 300_000, "park1m": 1_000_000}
RACK_HOSTS, HALL_RACKS = 40, 750
SIZES = np.array([(64, 256), (96, 384), (48, 192)])
SHARES = (0.6, 0.25, 0.15)
ZONES = 13
ZONE_SHARE = 0.35
SCANNED = 300
CALLS = 20_000
PART = 200_000
DEPARTS = -1
FIRST = """import time; began = time.perf_counter()
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.request import Request
Engine(Fleet.of("48c120g", 1000)).place(Request(cpu_milli=1000, memory_mib=1024))
print(time.perf_counter() - began, flush=True)
"""


class Work(NamedTuple):
    """What is placed: the trace, its flavours with their shares of core-hours, and requests[signature][flavour]."""

    machines: Machines
    flavour: Ints
    shares: npt.NDArray[np.float64]
    requests: list[list[Request]]


def park(hosts: int, chance: np.random.Generator) -> Fleet:
    """Three sizes of host, one a rack; each zone label on a share of the racks."""
    rack = np.arange(hosts) // RACK_HOSTS
    racks = int(rack[-1]) + 1
    size = SIZES[chance.choice(len(SIZES), racks, p=SHARES)[rack]]
    labels = Labels(f"zone={number}" for number in range(ZONES))
    bits = np.zeros(hosts, np.int64)
    for name in labels:
        bits |= np.where((chance.random(racks) < ZONE_SHARE)[rack], labels.bits([name]), 0)
    return Fleet.from_arrays(
        cpu_milli=size[:, 0] * 1000,
        memory_mib=size[:, 1] * 1024,
        rack=rack,
        hall=rack // HALL_RACKS,
        labels=labels,
        label_bits=bits,
    )


def work(trace: Path, signatures: int, profile: str) -> Work:
    """Read the trace; multiply its flavours."""
    machines = read_machines(trace)
    sizes, flavour = np.unique(np.stack((machines.cpu_milli, machines.memory_mib), 1), axis=0, return_inverse=True)
    life_s = np.where(machines.life_s == TO_THE_END, machines.arrival_s.max(), machines.life_s)
    shares = np.bincount(flavour, life_s).astype(np.float64)
    requests = [
        [
            Request(cpu_milli=c, memory_mib=m, profile=profile, forbidden=(f"zone={s - 1}",) if s else ())
            for c, m in sizes.tolist()
        ]
        for s in range(signatures)
    ]
    return Work(machines, flavour.astype(np.int64), shares / shares.sum(), requests)


def classes(engine: Engine, of: Work) -> npt.NDArray[np.int32]:
    """Class numbers [signature, flavour]."""
    return np.array([[engine.class_of(request) for request in row] for row in of.requests], np.int32)


def departures(machines: Ints) -> Stream:
    """Departures alone."""
    gone = np.full(len(machines), DEPARTS, np.int32)
    return Stream(gone, machines.astype(np.int32), gone)


def prefill(engine: Engine, of: Work, shares: list[float], chance: np.random.Generator) -> None:
    """Fill to the first share of the cores and empty at random to the second, a part after the other."""
    table, cpu_milli = classes(engine, of), np.array([request.cpu_milli for request in of.requests[0]])
    wanted = int(shares[0] * int(engine.fleet.capacity[:, at.CPU].sum()))
    parts: list[Ints] = []
    while wanted > 0:
        flavour = chance.choice(len(of.shares), PART, p=of.shares)
        count = min(int(np.searchsorted(np.cumsum(cpu_milli[flavour]), wanted)) + 1, PART)
        class_ = table[chance.integers(0, len(table), count), flavour[:count]]
        parts.append(np.full(count, -1, np.int64))
        engine.run(Stream(class_, np.arange(count, dtype=np.int32), np.full(count, -1, np.int32)), parts[-1])
        wanted -= int(cpu_milli[flavour[:count]].sum())
    for ids in parts:
        engine.run(departures(np.flatnonzero(chance.random(len(ids)) > shares[1] / shares[0])), ids)


def warm(engine: Engine, of: Work) -> None:
    """Ask once for every class, as a park that runs has; what a cold one costs shows in `call_us_p999`."""
    with engine.trial():
        for row in of.requests:
            for request in row:
                engine.place(request)


def timeline(engine: Engine, of: Work, chance: np.random.Generator, first_group: int) -> Stream:
    """The trace's events: at one time departures first, then arrivals; batches are groups from `first_group` on."""
    machines, count = of.machines, len(of.flavour)
    leaves_s = machines.arrival_s + machines.life_s
    leavers = np.flatnonzero((machines.life_s != TO_THE_END) & (leaves_s <= machines.arrival_s.max()))
    class_ = classes(engine, of)[chance.integers(0, len(of.requests), count), of.flavour]
    group = machines.batch - machines.batch.min() + first_group if first_group >= 0 else np.full(count, -1)
    machine = np.concatenate((leavers, np.arange(count)))
    at_s = np.concatenate((leaves_s[leavers], machines.arrival_s))
    order = np.argsort(at_s, kind="stable")
    gone = np.full(len(leavers), DEPARTS)
    columns = (np.concatenate((gone, class_)), machine, np.concatenate((gone, group)))
    return Stream(*(column[order].astype(np.int32) for column in columns))


def cpu_s(run: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    run()
    return time.process_time() - began


def scan_rate(engine: Engine, of: Work) -> float:
    """Placements a CPU second by the plain way: pack over contiguous columns, argmin, two cells changed."""
    hosts, chance = engine.state.books.hosts, np.random.default_rng(1)
    cpu, memory, labels = (np.ascontiguousarray(hosts[:, c], np.int64) for c in (at.CPU, at.MEM, at.LABELS))
    cpu_share, memory_share = (1 / engine.fleet.capacity[:, c] for c in (at.CPU, at.MEM))
    flavours = chance.choice(len(of.shares), SCANNED, p=of.shares)
    table = classes(engine, of)
    rows = engine.state.books.classes[table[chance.integers(0, len(table), SCANNED), flavours]]
    began = time.process_time()
    for need in rows:
        left_cpu, left_memory = cpu - need[at.CPU], memory - need[at.MEM]
        score = (left_cpu * cpu_share) ** 2 + (left_memory * memory_share) ** 2
        score[(left_cpu < 0) | (left_memory < 0) | ((labels & need[at.MASK]) != need[at.WANT])] = np.inf
        host = int(np.argmin(score))
        cpu[host] -= need[at.CPU]
        memory[host] -= need[at.MEM]
    return SCANNED / (time.process_time() - began)


def brute_force(engine: Engine, class_: int) -> int:
    """Best host by the definition of `pack`, without anything of the engine but its numbers; -1 if there is none."""
    hosts, need = engine.state.books.hosts, engine.state.books.classes[class_]
    left = hosts[:, [at.CPU, at.MEM]] - need[[at.CPU, at.MEM]]
    share = left * ((1 << 40) // engine.fleet.capacity[:, [at.CPU, at.MEM]]) >> 25
    fits = (left >= 0).all(1) & ((hosts[:, at.LABELS] & need[at.MASK]) == need[at.WANT])
    score = np.where(fits, (share * share).sum(1), 1 << 62)
    return int(np.argmin(score)) if fits.any() else -1


def checked(engine: Engine, stream: Stream, ids: Ints, share: float, folder: Path) -> tuple[Engine, int, int]:
    """Run a stream again with a restart in the middle, comparing a share of its arrivals with brute force."""
    arrivals = np.flatnonzero(stream.class_ >= 0)
    stops = arrivals[np.linspace(0, len(arrivals) - 1, max(int(len(arrivals) * share), 1)).astype(int)]
    half, wrong, event = len(stream.class_) // 2, 0, 0
    for stop in np.sort(np.append(stops, half)).tolist():
        event = engine.run(Stream(*(column[:stop] for column in stream)), ids, event)
        if stop == half:
            snapshot.save(engine, folder / "half.npz")
            engine = snapshot.load(folder / "half.npz", compiled=True)
            continue
        expected = brute_force(engine, int(stream.class_[stop]))
        event = engine.run(Stream(*(column[: stop + 1] for column in stream)), ids, event)
        id = int(ids[stream.machine[stop]])
        wrong += (engine.allocation(id).host if id >= 0 else -1) != expected
    engine.run(stream, ids, event)
    return engine, len(stops), wrong


def calls(engine: Engine, of: Work) -> dict[str, float]:
    """Single calls: place and free in turn, in the mix of the trace; by the clock, then by CPU time."""
    chance = np.random.default_rng(2)
    drawn = chance.choice(len(of.shares), CALLS, p=of.shares).tolist()
    figures = {}
    for name, now_ns in (("call_us", time.perf_counter_ns), ("call_cpu_us", time.thread_time_ns)):
        times_ns = [call_ns(engine, of.requests[n % len(of.requests)][f], now_ns) for n, f in enumerate(drawn)]
        for label, share in (("p50", 50), ("p99", 99), ("p999", 99.9)):
            figures[f"{name}_{label}"] = round(float(np.percentile(times_ns, share)) / 1000, 2)
    return figures


def call_ns(engine: Engine, request: Request, now_ns: Callable[[], int]) -> int:
    """What one `place` takes; its allocation is freed again."""
    began = now_ns()
    answer = engine.place(request)
    took_ns = now_ns() - began
    if isinstance(answer, Decision):
        engine.free(answer.id)
    return took_ns


def first_decision_s() -> tuple[float, float]:
    """Seconds to the first answer with nothing compiled before, and in the process after that."""
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {"XDG_CACHE_HOME": folder}
        runs = [
            subprocess.run([sys.executable, "-c", FIRST], env=environ, capture_output=True, check=True) for _ in "12"
        ]
    cold_s, warm_s = (round(float(run.stdout), 2) for run in runs)
    return cold_s, warm_s


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything, in the order of the figures."""
    figures: dict[str, Any] = {}
    of = work(given.trace, given.signatures, given.score)
    chance = np.random.default_rng(given.seed)
    engine = Engine(park(FLEETS[given.fleet], chance), compiled=True)
    prefill(engine, of, [float(share) for share in given.prefill.split(",")], chance)
    batches = int(of.machines.batch.max() - of.machines.batch.min()) + 1
    first_group = engine.declare_groups([Rule("apart", Level.RACK)], batches)
    snapshot.save(engine, folder / "full.npz")
    warm(engine, of)
    streams = {
        "events": timeline(engine, of, np.random.default_rng(given.seed), -1),
        "apart_events": timeline(engine, of, np.random.default_rng(given.seed), first_group),
    }
    figures["live"] = int(engine.state.books.totals[at.T_LIVE])
    for name, stream in streams.items():
        begun = engine
        if name != "events":
            begun = snapshot.load(folder / "full.npz", compiled=True)
            warm(begun, of)
        ids = np.full(len(of.flavour), -1, np.int64)
        took_s = cpu_s(lambda: begun.run(stream, ids))  # noqa: B023 - called at once
        figures[f"{name}_per_cpu_s"] = round(len(stream.class_) / took_s)
        if name == "events":
            figures["events"], figures["state_hash"] = len(stream.class_), engine.state_hash()
            figures["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures["scan_events_per_cpu_s"] = round(scan_rate(engine, of), 1)
    figures["ratio_to_scan"] = round(figures["events_per_cpu_s"] / figures["scan_events_per_cpu_s"])
    figures |= calls(engine, of)
    again = snapshot.load(folder / "full.npz", compiled=True)
    ids = np.full(len(of.flavour), -1, np.int64)
    again, figures["oracle_checked"], wrong = checked(again, streams["events"], ids, given.oracle, folder)
    figures |= {"oracle_mismatches": wrong, "same_hash": again.state_hash() == figures["state_hash"]}
    figures["first_decision_s"], figures["second_process_s"] = first_decision_s()
    return figures | (beside_openstack.figures(of.requests[0]) if given.peer else {})


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fleet", choices=FLEETS, default="park300k")
    parser.add_argument("--trace", type=Path, required=True, metavar="DIR")
    parser.add_argument("--prefill", default="0.85,0.70", metavar="FILLED,LEFT")
    parser.add_argument("--signatures", type=int, default=1, choices=range(1, ZONES + 2), metavar="1|4|14")
    parser.add_argument("--score", default="pack", choices=("pack",))
    parser.add_argument("--oracle", type=float, default=0.01, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()

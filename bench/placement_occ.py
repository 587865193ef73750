"""Several schedulers on one cell: how many of their decisions collide when they are committed.

    at_70, at_95   at that share of the cores: `conflicts_pct` of commits that no longer fit, and `commits`
    shared_pct     conflicts of the same schedulers without shards of their own: each takes the best host of its view
    over           cells of the host table with less than nothing left
    lost           commits that are not among the allocations, less those that are there and were never made
    kills          times that a scheduler was killed while it logged decisions, each time gone on with from its log;
                   `batches` it had acknowledged, `wrong` states that lack one of them or hold more than one beyond

Each scheduler renews its view, decides `--view` machines on it, and commits them; they take turns, so that every view
is as old as a whole round of the others. Machines leave at random so that the cell stays as full as it is.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.support import killed_scheduler
from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.engine import Decision, Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.shards import Scheduler

FLAVOURS = [Request(cpu_milli=c * 1_000, memory_mib=m * 1_024) for c, m in ((1, 2), (2, 4), (4, 8), (8, 28), (2, 14))]
ROUNDS = 40
KILLED_HOSTS = 1_000
KILLED_WITHIN_S = 0.3


def full_cell(hosts: int, share: float, chance: np.random.Generator) -> tuple[Engine, list[int]]:
    """A cell filled to a share of its cores, in holes: filled further and emptied at random."""
    engine = Engine(Fleet.of("64c256g", hosts), compiled=True)
    ids: list[int] = []
    total = int(engine.fleet.capacity[:, at.CPU].sum())
    while int(engine.state.books.hosts[:, at.CPU].sum()) > total * (1 - share) * 0.85:
        answer = engine.place(FLAVOURS[int(chance.integers(len(FLAVOURS)))])
        if not isinstance(answer, Decision):
            break
        ids.append(answer.id)
    chance.shuffle(ids)
    thin_out(engine, ids, share)
    return engine, ids


def thin_out(engine: Engine, ids: list[int], share: float) -> int:
    """Free machines, in the random order of `ids`, until a share of the cores is taken; answers how many."""
    excess = int(engine.fleet.capacity[:, at.CPU].sum() * (1 - share)) - int(engine.state.books.hosts[:, at.CPU].sum())
    before = len(ids)
    while excess > 0:
        excess -= engine.allocation(ids[-1]).request.cpu_milli
        engine.free(ids.pop())
    return before - len(ids)


def run(given: argparse.Namespace, share: float, *, shared: bool) -> dict[str, Any]:
    """Let the schedulers take turns; `shared` gives them all the same shard, the whole cell."""
    chance = np.random.default_rng(given.seed)
    cell, ids = full_cell(given.hosts, share, chance)
    ours = [Scheduler(cell, *((0, 1) if shared else (n, given.schedulers))) for n in range(given.schedulers)]
    freed, first_live = 0, int(cell.state.books.totals[at.T_LIVE])
    for _ in range(ROUNDS):
        decided = []
        for scheduler in ours:
            scheduler.renew()
            requests = [FLAVOURS[n] for n in chance.integers(len(FLAVOURS), size=given.view).tolist()]
            decided.append((scheduler, requests, scheduler.decide(requests)))
        for scheduler, requests, hosts in decided:
            scheduler.commit(requests, hosts)
        freed += thin_out(cell, ids, share)
    commits, conflicts = sum(s.commits for s in ours), sum(s.conflicts for s in ours)
    lost = first_live + commits - freed - int(cell.state.books.totals[at.T_LIVE])
    return {
        "conflicts_pct": round(100 * conflicts / max(commits + conflicts, 1), 2),
        "commits": commits,
        "over": int((cell.state.books.hosts[:, [at.CPU, at.MEM]] < 0).sum()),
        "lost": lost,
    }


def killed(folder: Path, trials: int, seed: int) -> dict[str, int]:
    """Kill a scheduler at random moments; the log must lead to what it said, or one batch further."""
    chance, batches, wrong = np.random.default_rng(seed), 0, 0
    snapshot.save(Engine(Fleet.of("64c256g", KILLED_HOSTS)), folder / "start.npz")
    for trial in range(trials):
        expected = killed_scheduler.standing(folder)
        command = [sys.executable, killed_scheduler.__file__, str(folder), str(seed + trial)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as scheduler:
            assert scheduler.stdout
            said = bool(scheduler.stdout.readline())
            time.sleep(float(chance.random()) * KILLED_WITHIN_S)
            scheduler.kill()
            acknowledged = said + len(scheduler.stdout.readlines())
        reached = killed_scheduler.standing(folder).state_hash()
        wrong += not killed_scheduler.leads_to(expected, seed + trial, acknowledged, reached)
        batches += acknowledged
    return {"kills": trials, "batches": batches, "wrong": wrong}


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedulers", type=int, default=4, metavar="N")
    parser.add_argument("--view", type=int, default=32, metavar="N", help="decisions on one view")
    parser.add_argument("--hosts", type=int, default=30_000, metavar="N")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    parser.add_argument("--kills", type=int, default=20, metavar="N")
    given = parser.parse_args()
    figures: dict[str, Any] = {"schedulers": given.schedulers, "view": given.view}
    for share in (0.70, 0.95):
        figures[f"at_{share * 100:.0f}"] = run(given, share, shared=False)
        figures[f"at_{share * 100:.0f}"]["shared_pct"] = run(given, share, shared=True)["conflicts_pct"]
    with tempfile.TemporaryDirectory() as folder:
        figures |= killed(Path(folder), given.kills, given.seed)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""A scheduler to be killed: goes on from a snapshot and its log, and prints a line for each batch that is logged.

What it decides follows from where it stands and a seed, so whoever counts its lines can tell where its log must lead.
"""

import sys
from pathlib import Path

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.engine import Decision, Engine
from cloudhall.domains.compute.placement.log import Log, replay
from cloudhall.domains.compute.placement.request import Request

BATCH = 32
FREED = 0.4
FLAVOURS = [Request(cpu_milli=c * 1_000, memory_mib=m * 1_024) for c, m in ((1, 2), (2, 4), (4, 8), (8, 28), (2, 14))]


def standing(folder: Path) -> Engine:
    """The engine as snapshot `start.npz` and log `log` leave it."""
    engine = snapshot.load(folder / "start.npz")
    if (folder / "log").exists():
        replay(engine, folder / "log")
    return engine


class Scheduler:
    """Places and frees at random."""

    def __init__(self, engine: Engine, seed: int) -> None:
        rows = np.flatnonzero(engine.state.books.allocs[:, at.HOST] >= 0)
        self._engine, self._ids = engine, [engine.state.id(row) for row in rows.tolist()]
        self._chance = np.random.default_rng(seed)

    def batch(self) -> None:
        """Place `BATCH` machines, and free one now and then, or whenever one does not fit."""
        for _ in range(BATCH):
            answer = self._engine.place(FLAVOURS[int(self._chance.integers(len(FLAVOURS)))])
            if isinstance(answer, Decision):
                self._ids.append(answer.id)
            if self._chance.random() < FREED or not isinstance(answer, Decision):
                self._engine.free(self._ids.pop(int(self._chance.integers(len(self._ids)))))


def leads_to(start: Engine, seed: int, batches: int, reached: str) -> bool:
    """Whether a state's hash is the one after `batches` from `start`, or after one more that nobody heard of."""
    scheduler = Scheduler(start, seed)
    for _ in range(batches):
        scheduler.batch()
    if reached != start.state_hash():
        scheduler.batch()
    return reached == start.state_hash()


def main(folder: Path, seed: int) -> None:
    """Decide until killed."""
    engine = standing(folder)
    log, scheduler = Log(engine, folder / "log"), Scheduler(engine, seed)
    log.flush()
    while True:
        scheduler.batch()
        log.flush()
        print("logged", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

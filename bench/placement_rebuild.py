"""How long a placement engine takes to be itself again: from the rows of a table, and from a snapshot and a log.

    from_rows_s          read every allocation from SQLite and enter it; best CPU time of `--repeat`, clock beside it
    from_snapshot_s      read the snapshot and repeat the log
    read_rows_s          limit: the rows fetched and turned into arrays, nothing entered
    log_records          decisions in the log
    same_hash            both ways lead to the state that was left
    snapshot_mib, rss_mib

The allocations are of 16 sizes, on a park of hosts of 64 cores and 256 GiB, in random order.
"""

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Stream
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.ledger import SERIAL_SHIFT
from cloudhall.domains.compute.placement.log import Log, replay
from cloudhall.domains.compute.placement.request import Request

SIZES = [(c * 1_000, m * 1_024) for c in (1, 2, 4, 8) for m in (1, 2, 4, 8)]
DEPARTS = -1
FETCHED = 100_000
TABLE = "CREATE TABLE allocation (id INTEGER PRIMARY KEY, host INTEGER, word INTEGER, grp INTEGER) STRICT"


def requests() -> list[Request]:
    """What is allocated."""
    return [Request(cpu_milli=c, memory_mib=m) for c, m in SIZES]


def filled(hosts: int, count: int, chance: np.random.Generator) -> tuple[Engine, Ints]:
    """An engine with `count` machines."""
    engine = Engine(Fleet.of("64c256g", hosts), compiled=True)
    classes = np.array([engine.class_of(request) for request in requests()], np.int32)
    ids = np.full(count, -1, np.int64)
    nobody = np.full(count, -1, np.int32)
    engine.run(
        Stream(classes[chance.integers(len(classes), size=count)], np.arange(count, dtype=np.int32), nobody), ids
    )
    return engine, ids


def write_rows(engine: Engine, path: Path) -> None:
    """Every allocation as a row."""
    allocs = engine.state.books.allocs
    rows = np.flatnonzero(allocs[:, at.HOST] >= 0)
    ids = (allocs[rows, at.SERIAL].astype(np.int64) << SERIAL_SHIFT) | rows
    columns = (ids, allocs[rows, at.HOST], allocs[rows, at.CLASS], allocs[rows, at.GROUP])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(TABLE)
        database.executemany(
            "INSERT INTO allocation VALUES (?, ?, ?, ?)", zip(*(c.tolist() for c in columns), strict=True)
        )


def read_rows(path: Path) -> Ints:
    """Rows as a matrix. Text of many rows at once, since a Python object a number would cost three times as much."""
    query = """SELECT group_concat(id || ' ' || host || ' ' || word || ' ' || grp, ' ') FROM allocation
               GROUP BY (rowid & 4294967295) / ?"""
    with closing(sqlite3.connect(path)) as database:
        parts = [np.fromstring(text, np.int64, sep=" ") for (text,) in database.execute(query, (FETCHED,))]
    return np.concatenate(parts).reshape(-1, 4)


def from_rows(path: Path, hosts: int) -> Engine:
    """An engine from the table."""
    engine = Engine(Fleet.of("64c256g", hosts), compiled=True)
    for request in requests():
        engine.class_of(request)
    snapshot.rebuild(engine, read_rows(path))
    return engine


def from_snapshot(folder: Path) -> Engine:
    """An engine from the snapshot and the log."""
    engine = snapshot.load(folder / "state.npz", compiled=True)
    replay(engine, folder / "log")
    return engine


def timed(run: Callable[[], Any], repeat: int) -> tuple[float, float, Any]:
    """Least CPU and clock seconds, and the last result."""
    cpu_s, clock_s, result = [], [], None
    for _ in range(repeat):
        began, began_cpu = time.perf_counter(), time.process_time()
        result = run()
        cpu_s.append(time.process_time() - began_cpu)
        clock_s.append(time.perf_counter() - began)
    return round(min(cpu_s), 2), round(min(clock_s), 2), result


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fill, keep, go on, come back."""
    chance, figures = np.random.default_rng(given.seed), {"allocations": given.allocations, "hosts": given.hosts}
    engine, ids = filled(given.hosts, given.allocations, chance)
    snapshot.save(engine, folder / "state.npz")
    log = Log(engine, folder / "log")
    gone = chance.choice(given.allocations, given.log // 2, replace=False).astype(np.int32)
    nobody = np.full(len(gone), -1, np.int32)
    engine.run(Stream(np.full(len(gone), DEPARTS, np.int32), gone, nobody), ids)
    back = np.zeros(len(gone), np.int32)
    engine.run(Stream(back, gone, nobody), ids)
    log.close()
    write_rows(engine, folder / "rows.db")
    expected = engine.state_hash()
    del engine, ids
    figures["log_records"] = 2 * len(gone)
    figures["snapshot_mib"] = (folder / "state.npz").stat().st_size >> 20
    figures["from_snapshot_s"], figures["from_snapshot_clock_s"], one = timed(
        lambda: from_snapshot(folder), given.repeat
    )
    same = one.state_hash() == expected
    del one
    figures["read_rows_s"], _, _ = timed(lambda: read_rows(folder / "rows.db"), 1)
    run = lambda: from_rows(folder / "rows.db", given.hosts)  # noqa: E731
    figures["from_rows_s"], figures["from_rows_clock_s"], other = timed(run, given.repeat)
    figures["same_hash"] = same and other.state_hash() == expected
    figures["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return figures


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--allocations", type=int, default=5_280_000, metavar="N")
    parser.add_argument("--hosts", type=int, default=300_000, metavar="N")
    parser.add_argument("--log", type=int, default=100_000, metavar="N", help="decisions after the snapshot")
    parser.add_argument("--repeat", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()

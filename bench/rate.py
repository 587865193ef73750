"""From usage rows to fen: a month of readings recorded once, then rated.

    record_rows_per_s  readings kept for good: identity checked, two indexes, a durable commit a 1,000
    repeat_rows_per_s  the same readings delivered again
    rows_per_s         totals by SQL, then a product a tier, as a statement does it; median of 3
    naive_rows_per_s   every row fetched in order and priced as Decimal against the running quantity
    ratio_to_naive     rows_per_s / naive_rows_per_s; `cpu_ratio_to_naive` the same by CPU seconds
    scan_rows_per_s    the limit: SQLite looks at every row once
    mismatches         statement lines, of `lines`, whose fen differ between the two

Every project has 5 buckets with a level and two sums each, all through November in Asia/Shanghai; each meter has three
tiers and an included amount, changed on the 12th at an odd microsecond. Readings follow from `--seed`.
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import NamedTuple

from cloudhall.domains.market.rules import NANO_PER_FEN, Component, Per, Tier, period_of, rate_versions
from cloudhall.kernel import amendments, usage
from cloudhall.kernel.metering import DAY_US, SCHEMA, Aggregation, MeterDef, Reading, define, record
from cloudhall.kernel.text import T

BUCKETS = 5
BATCH = 1_000
MONTH = period_of("2026-11")
CHANGE_US = MONTH.from_us + 11 * DAY_US + 7
GIB = 2**30


class Took(NamedTuple):
    """Wall and CPU seconds."""

    wall_s: float
    cpu_s: float


def meter(key: str, aggregation: Aggregation) -> MeterDef:
    """Define a meter of this measurement alone."""
    some = T("测量", "benchmark")
    return define(
        MeterDef(
            key=key, title=some, unit=some, aggregation=aggregation, scale=some, precision=some, method=some, test=""
        )
    )


def price(of: MeterDef, unit_micro: int, nano: int) -> Component:
    """Three tiers, each a tenth cheaper than the one below."""
    tiers = (
        Tier(nano, 50 * unit_micro),
        Tier(nano * 9 // 10, 500 * unit_micro),
        Tier(nano * 8 // 10),
    )
    per: Per | None = "month" if of.aggregation == "level" else None
    return Component(meter=of.key, unit_micro=unit_micro, tiers=tiers, per=per, included_micro=5 * unit_micro)


STORED = meter("bench.stored_bytes", "level")
SENT = meter("bench.sent_bytes", "sum")
REQUESTS = meter("bench.requests", "sum")
METERS = (STORED, SENT, REQUESTS)
VERSIONS = {
    STORED.key: (price(STORED, GIB, 120_000_000), price(STORED, GIB, 99_000_001)),
    SENT.key: (price(SENT, GIB, 500_000_000), price(SENT, GIB, 450_000_001)),
    REQUESTS.key: (price(REQUESTS, 10**10, 10_000_000), price(REQUESTS, 10**10, 9_000_001)),
}
MOST = {STORED.key: 2_000 * GIB, SENT.key: GIB, REQUESTS.key: 5_000 * 10**6}


def some_readings(rows: int, projects: int, seed: int) -> list[Reading]:
    """Contiguous intervals for every project, bucket and meter, in order of time."""
    chance = random.Random(seed)  # noqa: S311  replayable on purpose
    slots = rows // (projects * BUCKETS * len(METERS))
    width_us = (MONTH.to_us - MONTH.from_us) // slots
    return [
        Reading(
            source="bench",
            source_id=f"{slot}/{project}/{bucket}/{each.key}",
            meter=each.key,
            resource=f"bk{bucket}",
            project=f"pr{project}",
            from_us=MONTH.from_us + slot * width_us,
            to_us=MONTH.from_us + (slot + 1) * width_us,
            quantity_micro=chance.randrange(MOST[each.key]),
        )
        for slot in range(slots)
        for project in range(projects)
        for bucket in range(BUCKETS)
        for each in METERS
    ]


def deliver(db: sqlite3.Connection, readings: list[Reading]) -> None:
    """Record in batches, each a durable transaction."""
    for start in range(0, len(readings), BATCH):
        with db:
            record(db, readings[start : start + BATCH], now_us=MONTH.to_us)


def rate_all(db: sqlite3.Connection, projects: int) -> dict[tuple[str, str, int], int]:
    """Fen of every line: (project, meter, version)."""
    fen: dict[tuple[str, str, int], int] = {}
    for project in (f"pr{n}" for n in range(projects)):
        halves = [usage.totals(db, project, *span) for span in ((MONTH.from_us, CHANGE_US), (CHANGE_US, MONTH.to_us))]
        for key, versions in VERSIONS.items():
            used = [sum(row.quantity for row in half if row.meter == key) for half in halves]
            for n, line in enumerate(rate_versions(zip(versions, used, strict=True), MONTH)):
                fen[project, key, n] = line.amount_fen
    return fen


def rate_naively(db: sqlite3.Connection) -> dict[tuple[str, str, int], int]:
    """Price row by row, as each would be booked when it comes."""
    nano: dict[tuple[str, str, int], Decimal] = {}
    used: dict[tuple[str, str], Decimal] = {}
    rows = db.execute(
        "SELECT project, meter, from_us, to_us, quantity_micro FROM usage ORDER BY project, meter, from_us"
    )
    with localcontext(prec=50):
        for project, key, from_us, to_us, quantity in rows:
            for version, amount in pieces(key, from_us, to_us, quantity):
                component = VERSIONS[key][version]
                before = used.get((project, key), Decimal(0))
                used[project, key] = before + amount
                line = project, key, version
                nano[line] = nano.get(line, Decimal(0)) + owed(component, before + amount) - owed(component, before)
        return {line: int((amount / NANO_PER_FEN).quantize(Decimal(1), ROUND_HALF_UP)) for line, amount in nano.items()}


def pieces(key: str, from_us: int, to_us: int, quantity: int) -> Iterator[tuple[int, Decimal]]:
    """Divide a row at the change of price: (version, micro-units or micro-unit-months)."""
    if key != STORED.key:
        yield int(from_us >= CHANGE_US), Decimal(quantity)
        return
    for version, begin, end in ((0, from_us, min(to_us, CHANGE_US)), (1, max(from_us, CHANGE_US), to_us)):
        if begin < end:
            yield version, Decimal(quantity) * (end - begin) / (MONTH.to_us - MONTH.from_us)


def owed(component: Component, used: Decimal) -> Decimal:
    """Nano-yuan for a quantity from the beginning of the month."""
    left, below, nano = max(Decimal(0), used - component.included_micro), Decimal(0), Decimal(0)
    for tier in component.tiers:
        edge = left if tier.upto_micro is None else min(left, Decimal(tier.upto_micro))
        nano += (edge - below) * tier.unit_nano
        below = edge
    return nano / component.unit_micro


def timed(run: Callable[[], object], times: int = 1) -> Took:
    """Median of several runs."""
    took = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        took.append(Took(time.perf_counter() - wall, time.process_time() - cpu))
    return Took(*map(statistics.median, zip(*took, strict=True)))


def measure(db: sqlite3.Connection, readings: list[Reading], projects: int) -> dict[str, float]:
    """All figures on one database."""
    rows = len(readings)
    recorded, repeated = timed(lambda: deliver(db, readings)), timed(lambda: deliver(db, readings))
    ours, naive = timed(lambda: rate_all(db, projects), 3), timed(lambda: rate_naively(db))
    scanned = timed(lambda: db.execute("SELECT COUNT(*), MAX(quantity_micro) FROM usage").fetchone(), 3)
    exact, booked = rate_all(db, projects), rate_naively(db)
    return {
        "rows": rows,
        "record_rows_per_s": round(rows / recorded.wall_s),
        "repeat_rows_per_s": round(rows / repeated.wall_s),
        "rows_per_s": round(rows / ours.wall_s),
        "naive_rows_per_s": round(rows / naive.wall_s),
        "ratio_to_naive": round(naive.wall_s / ours.wall_s, 1),
        "cpu_ratio_to_naive": round(naive.cpu_s / ours.cpu_s, 1),
        "scan_rows_per_s": round(rows / scanned.wall_s),
        "lines": len(exact),
        "mismatches": sum(booked.get(line, 0) != fen for line, fen in exact.items()),
    }


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    least = options.projects * BUCKETS * len(METERS) * 30
    if options.rows < least:
        parser.error(f"--rows: a level's reading spans at most a day, so {options.projects} projects need {least} rows")
    readings = some_readings(options.rows, options.projects, options.seed)
    with tempfile.TemporaryDirectory() as home, closing(sqlite3.connect(Path(home) / "usage.db")) as db:
        db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {SCHEMA} {amendments.SCHEMA}")
        print(json.dumps(measure(db, readings, options.projects)))


if __name__ == "__main__":
    main()

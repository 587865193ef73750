"""How many durable, audited writes a second; how fast the verifiers read the log; how long a proof is.

    writes_per_s              changes, each a row of its own and its leaf in the log in one transaction, on disk when
                              acknowledged, in groups as the store makes them; a head is signed each second meanwhile
    p50_ms, p99_ms            from asking for such a write to its acknowledgement
    fsyncs_per_s              commits of the store's one writer; each is one sync
    cpu_s_per_1000            user and system time of the process for 1,000 writes; `database_…` of PostgreSQL's
    bytes_per_write           by which the database grew
    verify_per_s              entries of the whole log whose root `verify_log.py` computes, as a process of its own with
                              its start
    proofs_per_s              entries that `verify.py` checks one by one, each with its path
    proof_bytes               proof file of one entry in a log of `--entries`
    bare_fsyncs_per_s         limit: a file of the same disk, 4 KiB written and synced again and again
    bare_rows_per_s           limit: the database alone, one row as wide as a write, in groups as large as the store's
    bare_hashes_per_s         limit: two SHA-256 an entry, which is what a Merkle tree costs at least

Many writers wait at once (`--waiting`), as the server's requests do. Figures that depend on the database carry its
name, `sqlite.` or `postgres.`; `--dialect both` measures one after the other.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from bench.create import DIALECTS, OPENS, Database, bare_fsyncs_per_s, cpu_s
from cloudhall import verify, verify_log
from cloudhall.kernel import audit, cosignatures
from cloudhall.kernel.audit import AuditLog, Entry
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.store.opening import open_store
from cloudhall.kernel.world import World

SEAL_S = 1.0
FILLED_AT_ONCE = 1_000
PROVEN = 1_000
LEAF_BYTES = 514
HASHED = 200_000
DEED = "CREATE TABLE deed (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT"
BODY = json.dumps({"size_gib": 5, "grade": "open", "note": "x" * 60})


class Place(NamedTuple):
    """A store with a log in it."""

    store: Store
    log: AuditLog

    def write(self, n: int) -> "Future[int]":
        """One change and its leaf."""

        def run(tx: Tx) -> int:
            tx.execute("INSERT INTO deed VALUES (?, ?)", (n, BODY))
            return self.log.append(tx, entry(n))

        return self.store.write(run)

    def seal(self) -> None:
        """Sign a head, as the server does."""
        self.log.keep(self.store.write(self.log.checkpoint).result())

    def size(self) -> int:
        """Entries in the log."""
        (count,) = self.store.read().execute("SELECT count(*) FROM audit_leaf").fetchone()
        return int(count)


def entry(n: int) -> Entry:
    """An entry as wide as those of creates, with personal data beside it."""
    return Entry(
        actor=f"pe-{n % 97:017}",
        action="storage.bucket:create",
        kind="storage.bucket",
        resource=f"bu-{n:017}",
        project=f"pj-{n % 31:017}",
        revision=n,
        request=f"rq-{n:020}",
        content=hashlib.sha256(BODY.encode()).hexdigest(),
        policies=("storage.bucket:create/developer",),
        policy_digest="0" * 64,
        private={"name": "陈晓岚", "address": "127.0.0.1", "agent": "bench"},
    )


@contextlib.contextmanager
def opened(home: Path, database: Database) -> Iterator[Place]:
    """Make an empty log in a database."""
    world = World()
    store = open_store(home, database.url, world)

    def make(tx: Tx) -> None:
        for statement in f"{audit.SCHEMA};{cosignatures.SCHEMA};{DEED}".split(";"):
            if statement.strip():
                tx.execute(store.dialect.render(statement))

    store.write(make).result()
    log = AuditLog.open(Keyring.open(home / "keys", world), world)
    log.verify_on_start(store.read())
    yield Place(store, log)
    store.close()


def load(place: Place, waiting: int, seconds: float) -> tuple[list[float], float]:
    """Keep so many writes waiting for so long; their latencies (s), and the seconds until the last was acknowledged."""
    queue: deque[tuple[float, Future[int]]] = deque()
    latencies_s: list[float] = []
    numbers = itertools.count()
    began = time.perf_counter()
    sealed_at = began
    while (now := time.perf_counter()) - began < seconds or queue:
        while len(queue) < waiting and now - began < seconds:
            queue.append((time.perf_counter(), place.write(next(numbers))))
        asked_at, future = queue.popleft()
        future.result()
        latencies_s.append(time.perf_counter() - asked_at)
        if now - sealed_at > SEAL_S:
            place.seal()
            sealed_at = now
    return latencies_s, time.perf_counter() - began


def writes(place: Place, database: Database, waiting: int, seconds: float) -> dict[str, Any]:
    """Figures of durable, audited writes."""
    commits = [0]
    place.store.on_commit.append(lambda: commits.__setitem__(0, commits[0] + 1))
    used_s, database_s, empty_bytes = cpu_s(), database.cpu_s(), database.size_bytes()
    latencies_s, took_s = load(place, waiting, seconds)
    count, cuts = len(latencies_s), statistics.quantiles(latencies_s, n=100)
    used_s, database_s, made = cpu_s() - used_s, database.cpu_s() - database_s, commits[0]
    return {
        "writes_per_s": round(count / took_s),
        "p50_ms": round(cuts[49] * 1_000, 1),
        "p99_ms": round(cuts[98] * 1_000, 1),
        "fsyncs_per_s": round(made / took_s),
        "writes_per_fsync": round(count / made, 1),
        "cpu_s_per_1000": round(used_s / count * 1_000, 3),
        "database_cpu_s_per_1000": round(database_s / count * 1_000, 3),
        "bytes_per_write": round((database.size_bytes() - empty_bytes) / count),
    }


def filled(place: Place, entries: int) -> int:
    """Append until the log has so many entries, and sign; its size."""
    while (size := place.size()) < entries:
        numbers = range(size, min(size + FILLED_AT_ONCE, entries))
        place.store.write(lambda tx, n=numbers: [place.log.append(tx, entry(i)) for i in n]).result()  # type: ignore[misc]  # bound in the default
    signed = -1
    while signed != size:
        place.seal()
        last = place.log.latest(place.store.read())
        signed = last.size if last else 0
    return size


def export(place: Place, folder: Path, size: int) -> None:
    """Write the whole log as `cloudhall audit export` does."""
    tx = place.store.read()
    for first in range(0, size, verify_log.BUNDLE):
        n, width = first // verify_log.BUNDLE, min(verify_log.BUNDLE, size - first)
        path = folder / verify_log.bundle_path(n, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.log.entries(tx, n, width))
    (folder / verify_log.HEAD).write_bytes(place.log.prove_all(tx, ()).to_json())


def verified(place: Place, folder: Path, size: int) -> dict[str, Any]:
    """Figures of the two stand-alone verifiers."""
    export(place, folder, size)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", verify_log.__file__, folder], check=True, stdout=subprocess.DEVNULL)
    took_s = time.perf_counter() - began
    tx, key = place.store.read(), place.log.verifier_key()
    step = max(1, size // PROVEN)
    proof = place.log.prove_all(tx, range(0, size, step)).to_json()
    began = time.perf_counter()
    findings = verify.check(proof, [key])
    proofs_s = time.perf_counter() - began
    if not all(finding.ok for finding in findings):
        raise SystemExit("a genuine proof was refused")
    return {
        "entries": size,
        "verify_per_s": round(size / took_s),
        "proofs_per_s": round(len(findings) / proofs_s),
        "proof_bytes": len(place.log.prove(tx, size // 2).to_json()),
    }


def bare_hashes_per_s() -> int:
    """Entries a second for which one core computes a leaf and a node."""
    leaf, began = bytes(LEAF_BYTES), time.perf_counter()
    for _ in range(HASHED):
        hash_ = hashlib.sha256(leaf).digest()
        hashlib.sha256(hash_ + hash_).digest()
    return round(HASHED / (time.perf_counter() - began))


def measure(dialect: str, home: Path, waiting: int, seconds: float, entries: int) -> dict[str, Any]:
    """Everything of one database, then its limit."""
    with OPENS[dialect](home) as database:
        with opened(home, database) as place:
            figures = writes(place, database, waiting, seconds)
            figures |= verified(place, home / "log", filled(place, entries))
        group = max(1, round(figures["writes_per_fsync"]))
        figures["bare_rows_per_s"] = round(database.bare_rows_per_s(group))
    return {f"{dialect}.{name}": value for name, value in figures.items()}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    parser.add_argument("--waiting", type=int, default=256, help="writes that wait at any moment")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--entries", type=int, default=200_000, help="size of the log that is verified")
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    for dialect in DIALECTS if given.dialect == "both" else (given.dialect,):
        with tempfile.TemporaryDirectory(prefix="cloudhall-audit-", dir=given.home) as made:
            figures |= measure(dialect, Path(made), given.waiting, given.seconds, given.entries)
            figures["bare_fsyncs_per_s"] = round(bare_fsyncs_per_s(Path(made)))
    print(json.dumps(figures | {"bare_hashes_per_s": bare_hashes_per_s()}))


if __name__ == "__main__":
    main()

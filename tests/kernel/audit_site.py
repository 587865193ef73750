"""One installation with an audit log on a real database file, and what its tests ask of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cloudhall import verify
from cloudhall.kernel import cosignatures, tlog
from cloudhall.kernel.audit import SCHEMA, AuditLog, Checkpoint, Entry
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.proofs import Proof
from cloudhall.kernel.world import Simulated, World

ORIGIN = "cloud.example.cn/audit"
PERSON = {"name": "张三", "ip": "10.1.2.3"}


class Site(NamedTuple):
    """One installation: its folder, database and log."""

    home: Path
    db: sqlite3.Connection
    log: AuditLog
    world: Simulated


def connect(home: Path) -> sqlite3.Connection:
    db = sqlite3.connect(home / "cloudhall.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA + cosignatures.SCHEMA)
    return db


@contextmanager
def installed(home: Path, seed: int = 1) -> Iterator[Site]:
    """A fresh installation that has started once; its keys follow from the seed."""
    world = Simulated(seed)
    log = AuditLog(ORIGIN, Keyring.open(home, world), world)
    db = connect(home)
    log.verify_on_start(db)
    yield Site(home, db, log, world)
    db.close()


def entry(n: int = 0, **fields: object) -> Entry:
    given = {
        "actor": f"ps{n % 3}",
        "action": "storage.bucket:create",
        "resource": f"bk{n % 5}",
        "project": f"pj{n % 2}",
    }
    return Entry(**{**given, **fields})  # type: ignore[arg-type]  # test fields are given by name


def append(site: Site, count: int, **fields: object) -> list[int]:
    site.db.execute("BEGIN IMMEDIATE")
    idxs = [site.log.append(site.db, entry(n, **fields)) for n in range(count)]
    site.db.execute("COMMIT")
    return idxs


def checkpoint(site: Site) -> Checkpoint:
    site.db.execute("BEGIN IMMEDIATE")
    made = site.log.checkpoint(site.db)
    site.db.execute("COMMIT")
    site.log.keep(made)
    return made


def restarted(site: Site) -> AuditLog:
    """What a new process finds on the same disk."""
    return AuditLog(ORIGIN, Keyring.open(site.home, World()), World())


def leaves(tx: sqlite3.Connection) -> list[bytes]:
    return [leaf for (leaf,) in tx.execute("SELECT leaf FROM audit_leaf ORDER BY idx")]


def mth(hashes: list[bytes]) -> bytes:
    """Merkle tree hash over leaf hashes, word for word from RFC 6962 2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else tlog.EMPTY_ROOT
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return tlog.node_hash(mth(hashes[:k]), mth(hashes[k:]))


def root_of(tx: sqlite3.Connection) -> bytes:
    return mth([tlog.leaf_hash(leaf) for leaf in leaves(tx)])


def failures(proof: Proof, pinned: str, kept: str | None = None) -> list[str]:
    return [f.detail.en for f in verify.check(proof.to_json(), [pinned], kept) if not f.ok]

"""The audit log when somebody tampers, restores an old copy, or the process dies."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import cloudhall
from cloudhall.kernel import tlog
from cloudhall.kernel.audit import HEAD_FILE, SCHEMA, AuditBroken, AuditLog, Checkpoint
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.proofs import Proof
from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import Simulated, World
from tests.kernel.audit_site import (
    ORIGIN,
    PERSON,
    Site,
    append,
    checkpoint,
    connect,
    failures,
    installed,
    leaves,
    restarted,
    root_of,
)


class Overtaken:
    """What a process reads while another one appends and signs between any two of its statements."""

    def __init__(self, site: Site) -> None:
        self._site, self._tx = site, connect(site.home)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        append(self._site, 1)
        checkpoint(self._site)
        found = self._tx.execute(sql, parameters)
        append(self._site, 1)
        checkpoint(self._site)
        return found

    def executemany(self, sql: str, parameters: Sequence[Sequence[object]]) -> sqlite3.Cursor:
        return self._tx.executemany(sql, parameters)

    def close(self) -> None:
        self._tx.close()


class Crash(BaseException):
    """Stands for the process dying at a fault point."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path) as fresh:
        yield fresh


def tamper_leaf(site: Site, *, fix_hash: bool) -> None:
    leaf = leaves(site.db)[4].replace(b"ps1", b"ps2")
    site.db.execute("UPDATE audit_leaf SET leaf = ? WHERE idx = 4", (leaf,))
    if fix_hash:
        site.db.execute("UPDATE audit_leaf SET hash = ? WHERE idx = 4", (tlog.leaf_hash(leaf),))


def test_a_worker_that_starts_while_others_write_finds_nothing_broken(site: Site) -> None:
    append(site, 3)
    checkpoint(site)
    with contextlib.closing(Overtaken(site)) as tx:
        restarted(site).verify_on_start(tx)


@pytest.mark.parametrize("fix_hash", [False, True])
def test_a_changed_leaf_is_found_by_its_proof(site: Site, fix_hash: bool) -> None:
    append(site, 9)
    checkpoint(site)
    tamper_leaf(site, fix_hash=fix_hash)
    assert failures(site.log.prove(site.db, 4), site.log.verifier_key()) == [
        "content or path does not lead to the signed root"
    ]


def test_swapped_leaves_are_found_by_their_proofs(site: Site) -> None:
    append(site, 9)
    checkpoint(site)
    site.db.execute("UPDATE audit_leaf SET idx = -1 WHERE idx = 3")
    site.db.execute("UPDATE audit_leaf SET idx = 3 WHERE idx = 4")
    site.db.execute("UPDATE audit_leaf SET idx = 4 WHERE idx = -1")
    assert len(failures(site.log.prove_all(site.db, range(9)), site.log.verifier_key())) >= 2


def test_a_changed_payload_is_found_by_its_proof(site: Site) -> None:
    append(site, 2, private=PERSON)
    checkpoint(site)
    site.db.execute("UPDATE audit_payload SET payload = ? WHERE idx = 1", (b'{"name":"x"}',))
    assert failures(site.log.prove(site.db, 1, private=True), site.log.verifier_key()) == [
        "the private facts are not those committed to"
    ]


def test_a_leaf_that_is_no_longer_readable_is_named(site: Site) -> None:
    append(site, 2)
    site.db.execute("UPDATE audit_leaf SET leaf = x'00' WHERE idx = 1")
    with pytest.raises(AuditBroken, match="entry 1 was changed"):
        site.log.search(site.db)


def test_starting_again_on_the_same_files_is_fine(site: Site) -> None:
    for step in (0, 1, 7):
        append(site, step)
        restarted(site).verify_on_start(site.db)
        checkpoint(site)
        restarted(site).verify_on_start(site.db)


def refused(site: Site, tx: Tx | None = None) -> str:
    with pytest.raises(AuditBroken) as broken:
        restarted(site).verify_on_start(tx or site.db)
    assert any("一" <= c <= "鿿" for c in broken.value.text.zh)
    return broken.value.text.en


@pytest.mark.parametrize("entries_after_backup", [0, 3, 40])
def test_an_older_database_is_refused(site: Site, tmp_path: Path, entries_after_backup: int) -> None:
    append(site, 10)
    checkpoint(site)
    with sqlite3.connect(tmp_path / "old.db") as old:
        site.db.backup(old)
    append(site, 8)
    checkpoint(site)
    forked = Site(site.home, old, site.log, site.world)
    append(forked, entries_after_backup)
    if entries_after_backup > 8:
        old.execute("BEGIN IMMEDIATE")
        site.log.checkpoint(old)
        old.execute("COMMIT")
        assert "the root over its first 18 entries differs" in refused(site, old)
    else:
        assert f"{10 + entries_after_backup} entries are left of 18 signed" in refused(site, old)
    old.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM audit_leaf WHERE idx >= 9",
        "DELETE FROM audit_leaf",
        "DELETE FROM audit_node WHERE level = 3",
        "UPDATE audit_node SET hash = zeroblob(32) WHERE level = 3",
        "UPDATE audit_checkpoint SET root = zeroblob(32)",
        "UPDATE audit_leaf SET hash = zeroblob(32) WHERE idx = 10",
    ],
)
def test_a_damaged_tree_is_refused(site: Site, damage: str) -> None:
    append(site, 11)
    checkpoint(site)
    restarted(site).verify_on_start(site.db)
    site.db.execute(damage)
    assert "must not go on" in refused(site)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "is gone"), ("", "cannot be read"), ("x\n1\n\n— x AAAA\n", "cannot be read")]
)
def test_a_kept_head_that_is_lost_or_damaged_is_refused(site: Site, content: str | None, said: str) -> None:
    append(site, 3)
    checkpoint(site)
    path = site.home / HEAD_FILE
    path.unlink() if content is None else path.write_text(content)
    assert said in refused(site)


def test_a_kept_head_with_another_root_or_size_is_refused(site: Site) -> None:
    append(site, 3)
    made = checkpoint(site)
    (site.home / HEAD_FILE).write_text(made.note.replace("\n3\n", "\n2\n"))
    assert "does not hold" in refused(site)


def test_a_kept_head_of_another_installation_is_refused(site: Site, tmp_path: Path) -> None:
    append(site, 3)
    checkpoint(site)
    other = AuditLog(ORIGIN, Keyring.open(tmp_path / "other", World()), World())
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(SCHEMA)
    other.verify_on_start(db)
    db.close()
    shutil.copy(tmp_path / "other" / HEAD_FILE, site.home / HEAD_FILE)
    assert "cannot be read" in refused(site)


# Crashes


def crash_at(point: str) -> Callable[[str], None]:
    def fault(here: str) -> None:
        if here == point:
            raise Crash

    return fault


@pytest.mark.parametrize("point", ["audit.append", "audit.checkpoint", "audit.keep"])
def test_dying_at_any_point_leaves_a_log_that_goes_on(site: Site, point: str) -> None:
    append(site, 5)
    before = checkpoint(site)
    append(site, 4)
    site.world.fault = crash_at(point)
    with pytest.raises(Crash):
        checkpoint(site) if point != "audit.append" else append(site, 1)
    site.db.close()

    db = connect(site.home)
    log = restarted(site)
    log.verify_on_start(db)
    again = Site(site.home, db, log, site.world)
    site.world.fault = lambda _point: None
    append(Site(site.home, db, log, site.world), 1)
    after = checkpoint(again)
    assert (after.size, after.root) == (10, root_of(db))
    way = log.consistency(db, before.size, after.size)
    proof = log.prove(db, 9)
    joined = Proof(proof.origin, proof.public_key, proof.checkpoint, proof.entries, way)
    assert failures(joined, log.verifier_key(), before.note) == []
    db.close()


def test_a_long_backlog_is_signed_in_bounded_steps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudhall.kernel.audit.CHECKPOINT_LEAVES_MAX", 8)
    append(site, 20)
    assert [checkpoint(site).size for _ in range(4)] == [8, 16, 20, 20]


WRITER = """
import pathlib, sqlite3, sys
sys.path[:0] = [{source!r}]
from cloudhall.kernel.audit import AuditLog, Entry, SCHEMA
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.world import World

home, cycle = pathlib.Path(sys.argv[1]), sys.argv[2]
db = sqlite3.connect(home / "cloudhall.db", isolation_level=None)
for pragma in ("journal_mode = WAL", "synchronous = FULL"):
    db.execute("PRAGMA " + pragma)
db.executescript(SCHEMA)
log = AuditLog({origin!r}, Keyring.open(home, World()), World())
log.verify_on_start(db)
for n in range(1_000_000):
    db.execute("BEGIN IMMEDIATE")
    requests = [f"{{cycle}}-{{n}}-{{i}}" for i in range(1 + n % 7)]
    idxs = [log.append(db, Entry(actor="ps", action="soak", request=request)) for request in requests]
    made = log.checkpoint(db) if n % 3 == 0 else None
    db.execute("COMMIT")
    print(*(f"{{idx}}={{request}}" for idx, request in zip(idxs, requests)), flush=True)
    if made:
        log.keep(made)
"""


def run_and_kill(home: Path, cycle: int) -> dict[int, str]:
    """Run a writer, kill it without warning, and return what it had acknowledged."""
    program = WRITER.format(origin=ORIGIN, source=str(Path(cloudhall.__file__).parents[1]))
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home), str(cycle)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline()]
        time.sleep(0.02 + cycle * 0.013)
        os.kill(run.pid, signal.SIGKILL)
        lines += [line for line in run.stdout if line.endswith("\n")]
    said = (item.split("=") for line in lines for item in line.split())
    return {int(idx): request for idx, request in said}


def test_kill_minus_nine_loses_no_acknowledged_entry_and_forks_nothing(tmp_path: Path) -> None:
    acknowledged: dict[int, str] = {}
    heads: list[Checkpoint] = []
    for cycle in range(10):
        acknowledged |= run_and_kill(tmp_path, cycle)
        log, db = AuditLog(ORIGIN, Keyring.open(tmp_path, World()), World()), connect(tmp_path)
        log.verify_on_start(db)
        stored = [json.loads(leaf)["request"] for leaf in leaves(db)]
        assert {idx: stored[idx] for idx in acknowledged} == acknowledged
        heads.append(checkpoint(Site(tmp_path, db, log, Simulated())))
        for old in heads:
            proof = log.prove(db, heads[-1].size - 1)
            way = log.consistency(db, old.size, heads[-1].size)
            joined = Proof(proof.origin, proof.public_key, proof.checkpoint, proof.entries, way)
            assert failures(joined, log.verifier_key(), old.note) == []
        assert (heads[-1].size, heads[-1].root) == (len(stored), root_of(db))
        db.close()
    assert len(acknowledged) > 100

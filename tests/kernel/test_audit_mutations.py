"""Whatever is changed in a log's rows, files or proofs is found.

A thousand random mutations with CLOUDHALL_CAMPAIGN=whole, a twentieth without. Each is made on a copy of one genuine
log and judged by all that an auditor has: the start of the server, the walk over the rows, the verifiers under the
pinned key, the kept head and the witness's signature.
"""

import contextlib
import json
import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from cloudhall import verify, verify_log
from cloudhall.kernel import cosignatures, tlog
from cloudhall.kernel.audit import HEAD_FILE, AuditLog
from cloudhall.kernel.audit_check import wrong_rows
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.world import Simulated, World
from cloudhall.witness.judging import Witness
from tests.kernel.audit_site import ORIGIN, PERSON, append, checkpoint, installed

MUTATIONS = 1_000 if os.environ.get("CLOUDHALL_CAMPAIGN") == "whole" else 50
PARTS = 10  # tests, so that none of them runs long
ENTRIES = 300


class Genuine(NamedTuple):
    """A log with a rotated key and a witness; what an auditor wrote down when it was young."""

    home: Path
    export: Path
    key: str
    kept: str
    witness: str


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    folder = tmp_path_factory.mktemp("mutations")
    with installed(folder / "log") as site:
        append(site, ENTRIES // 3, private=PERSON)
        kept, key = checkpoint(site), site.log.verifier_key()
        site.log._keys.rotate("audit.checkpoint")
        append(site, ENTRIES // 3)
        checkpoint(site)
        append(site, ENTRIES // 3, private=PERSON)
        head = checkpoint(site)
        keys = [verify.parse_key(text) for text in (key, site.log.verifier_key())]
        witness = Witness(folder / "witness", keys, Simulated(3), "w.example/1")
        answer = witness.add_checkpoint(tlog.add_checkpoint(0, (), head.note).encode())
        site.db.execute("BEGIN")
        cosignatures.add(site.db, head.size, witness.key, 0, answer.body)
        site.db.execute("COMMIT")
        site.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        export(site.log, site.db, folder / "export")
    return Genuine(folder / "log", folder / "export", key, kept.note, witness.key)


def export(log: AuditLog, tx: sqlite3.Connection, folder: Path) -> None:
    """The whole log and a proof of some entries with their private facts and the way from the kept head."""
    proof = log.prove_all(tx, (0, 7, 99, 250), private=True)
    size = int(proof.checkpoint.split("\n")[1])
    for first in range(0, size, verify_log.BUNDLE):
        n, width = first // verify_log.BUNDLE, min(verify_log.BUNDLE, size - first)
        path = folder / verify_log.bundle_path(n, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log.entries(tx, n, width))
    way = log.consistency(tx, ENTRIES // 3, size)
    (folder / verify_log.HEAD).write_bytes(log.prove_all(tx, ()).to_json())
    (folder / "proof.json").write_bytes(msgspec.structs.replace(proof, consistency=way).to_json())


def judged(folder: Path, genuine: Genuine) -> list[str]:
    """What the verifiers find wrong in an export."""
    wrong = []
    for name, kept in ((verify_log.HEAD, None), ("proof.json", genuine.kept)):
        found = verify.check((folder / name).read_bytes(), [genuine.key], kept, [genuine.witness])
        wrong += [finding.detail.en for finding in found if not finding.ok]
        try:
            verify_log.check(folder, folder / name)
        except verify_log.Wrong as error:
            wrong.append(str(error))
    return wrong


def examined(home: Path, genuine: Genuine, scratch: Path) -> list[str]:
    """What is found wrong with an installation's log: at its start, in its rows, in what it exports."""
    with contextlib.closing(sqlite3.connect(home / "cloudhall.db", isolation_level=None)) as db:
        try:
            log = AuditLog.open(Keyring.open(home, World()), World())
            log.verify_on_start(db)
            wrong = [text.en for text in wrong_rows(log, db)]
            export(log, db, scratch)
        except (CloudhallError, sqlite3.DatabaseError, ValueError) as error:
            return [str(error)]
    return wrong + judged(scratch, genuine)


COLUMNS = {
    "audit_leaf": ("at_us", "actor", "action", "kind", "resource", "project", "request", "decision", "leaf", "hash"),
    "audit_node": ("hash",),
    "audit_payload": ("salt", "payload"),
    "audit_checkpoint": ("size", "root", "note"),
    "audit_cosignature": ("size", "line"),
}


def mutate_rows(home: Path, chance: random.Random) -> str:
    """Change, take out or double something in one row of the log."""
    with contextlib.closing(sqlite3.connect(home / "cloudhall.db", isolation_level=None)) as db:
        table = chance.choice(list(COLUMNS))
        order = ", ".join(
            name for (name,) in db.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0", (table,))
        )
        keys = db.execute(f"SELECT {order} FROM {table} ORDER BY {order}").fetchall()
        key = chance.choice(keys)
        where = " AND ".join(f"{name} = ?" for name in order.split(", "))
        if table in {"audit_leaf", "audit_node"} and chance.random() < 0.3:
            db.execute(f"DELETE FROM {table} WHERE {where}", key)
            return f"deleted {table} {key}"
        column = chance.choice(COLUMNS[table])
        (value,) = db.execute(f"SELECT {column} FROM {table} WHERE {where}", key).fetchone()
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (other(value, chance), *key))
        return f"changed {table}.{column} {key}"


def other(value: object, chance: random.Random) -> object:
    """Another value of the same type, as near as can be."""
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 1_000])
    if isinstance(value, bytes):
        return flipped(value, chance)
    text = str(value)
    at = chance.randrange(len(text) + 1)
    found = text[:at] + chance.choice("xyz") + text[at + chance.randrange(2) :]
    return found if found != text else text + "x"


def flipped(data: bytes, chance: random.Random) -> bytes:
    """One bit the other way, a byte less or a byte more."""
    place, way = chance.randrange(len(data)), chance.random()
    if way < 0.6:
        return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
    return data[:place] + data[place + 1 :] if way < 0.8 else data[:place] + b"0" + data[place:]


def mutated_copy(genuine: Genuine, folder: Path, chance: random.Random) -> tuple[str, list[str]]:
    """Make one mutation and tell what it was and what was found."""
    what = chance.choice(["rows", "head", "export"])
    if what == "export":
        shutil.copytree(genuine.export, folder)
        path = chance.choice(sorted(p for p in folder.rglob("*") if p.is_file()))
        path.write_bytes(flipped(path.read_bytes(), chance))
        return f"export {path.name}", judged(folder, genuine)
    home = folder / "home"
    shutil.copytree(genuine.home, home)
    if what == "head":
        path = home / HEAD_FILE
        path.write_bytes(flipped(path.read_bytes(), chance))
        return "head", examined(home, genuine, folder / "export")
    return mutate_rows(home, chance), examined(home, genuine, folder / "export")


def test_the_genuine_log_is_found_genuine(genuine: Genuine, tmp_path: Path) -> None:
    assert judged(genuine.export, genuine) == []
    assert examined(genuine.home, genuine, tmp_path / "export") == []
    proof = json.loads((genuine.export / "proof.json").read_bytes())
    assert len(proof["handovers"]) == 1
    assert proof["checkpoint"].count(f"— {ORIGIN} ") == proof["checkpoint"].count("— w.example/1 ") == 1


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutation_is_found(genuine: Genuine, tmp_path: Path, part: int) -> None:
    unseen = []
    for number in range(part, MUTATIONS, PARTS):
        folder = tmp_path / str(number)
        what, found = mutated_copy(genuine, folder, random.Random(number))  # noqa: S311  a seed that replays, no secret
        unseen += [] if found else [f"{number}: {what}"]
        shutil.rmtree(folder)
    assert unseen == []


def test_entries_that_no_checkpoint_covers_yet_are_no_fault(tmp_path: Path) -> None:
    with installed(tmp_path) as site:
        append(site, 5)
        checkpoint(site)
        append(site, 3)
        assert list(wrong_rows(site.log, site.db)) == []

"""Judgement of the files that a killed server leaves, on a copy of them: room, log, revisions, bills."""

import collections
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cloudhall import installation
from cloudhall.kernel.kernel import Kernel
from tests.e2e.soak import bills
from tests.e2e.soak.ledger import KINDS, VERBS, Ledger


def wrong(home: Path, copy: Path, ledger: Ledger) -> Iterator[str]:
    """What is wrong with the records in `home`; `copy` is a folder for the copy, made and removed."""
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("objects", "lock"))
    kernel = installation.open_kernel(copy, {})
    try:
        yield from rooms(kernel)
        yield from revisions(kernel)
        yield from tree(kernel)
        yield from leaves(kernel, ledger)
        yield from bills.wrong(kernel)
    finally:
        kernel.store.close()
        shutil.rmtree(copy)


def rooms(kernel: Kernel) -> Iterator[str]:
    """A quota's counter equals the sum over the live rows of its place."""
    tx = kernel.store.read()
    for kind in kernel.registry:
        for quota in kind.meta.quotas:
            sums: collections.Counter[str] = collections.Counter()
            for place, spec in tx.execute(f"SELECT place, spec FROM {kind.meta.table} WHERE deleted IS NULL"):
                sums[place] += msgspec.json.decode(spec)[quota.path.removeprefix("spec.")]
            counters = dict(tx.execute("SELECT place, used FROM quota WHERE key = ? AND used > 0", (quota.key,)))
            if sums != counters:
                yield f"quota {quota.key} counts {counters}, the rows make {dict(sums)}"


def revisions(kernel: Kernel) -> Iterator[str]:
    """Events are gap-free, and each row stands at the revision of its last event."""
    tx = kernel.store.read()
    count, newest = tx.execute("SELECT count(*), max(revision) FROM event").fetchone()
    if count != newest:
        yield f"{count} events, the newest is {newest}"
    for kind in kernel.registry:
        behind = tx.execute(
            f"SELECT id FROM {kind.meta.table} AS r WHERE deleted IS NULL AND revision <> "
            "(SELECT max(revision) FROM event WHERE event.id = r.id)"
        )
        yield from (f"{kind.meta.key} {id_} is not at its last event" for (id_,) in behind)


def tree(kernel: Kernel) -> Iterator[str]:
    """Leaves are numbered from 0 and hash to what the newest checkpoint signs, from scratch."""
    tx = kernel.store.read()
    rows = tx.execute("SELECT idx, leaf, hash FROM audit_leaf ORDER BY idx").fetchall()
    if [idx for idx, _, _ in rows] != list(range(len(rows))):
        yield "the log's numbers have a gap"
    hashes = [hashlib.sha256(b"\0" + leaf).digest() for _, leaf, _ in rows]
    yield from (f"leaf {row[0]} is not what its hash says" for row, h in zip(rows, hashes, strict=True) if row[2] != h)
    newest = kernel.audit.latest(tx)
    if newest and root(hashes[: newest.size]) != newest.root:
        yield f"the first {newest.size} leaves do not make the root that was signed"


def root(hashes: Sequence[bytes]) -> bytes:
    """Root of a Merkle tree (RFC 6962 2.1), written again from the standard, level by level."""
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return level[0] if level else hashlib.sha256().digest()


def leaves(kernel: Kernel, ledger: Ledger) -> Iterator[str]:
    """Each acknowledged change has its leaf, once; a change whose answer never came may have one more."""
    sql = "SELECT resource, action, count(*) FROM audit_leaf WHERE decision = 'done' GROUP BY 1, 2"
    written = {(resource, action): n for resource, action, n in kernel.store.read().execute(sql)}
    may = set(_of_open(ledger))
    for at, n in ledger.leaves.items():
        found = written.get(at, 0)
        if not n <= found <= n + (at in may):
            amiss = "too seldom" if found < n else "too often"
            yield f"{at} was acknowledged {n} times and is in the log {amiss}: {found} times"


def _of_open(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Leaves that a change without an answer may have written."""
    for change in ledger.open.values():
        verb = VERBS[change.method]
        yield change.target, f"{KINDS[change.plural]}:{verb}"
        if (change.plural, verb) == ("buckets", "delete"):
            children: Any = ledger.keys_of(change.target)
            yield from ((key["id"], f"{KINDS['access-keys']}:delete") for key in children)

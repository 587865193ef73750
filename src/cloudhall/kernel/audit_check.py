"""Whether the rows of the audit log agree with each other: what a proof of single entries never looks at.

Columns that are searched are copies of the leaf, inner nodes are copies of what the leaves come to, and what is shown
of people must be what the leaf committed to: a change there would hide an entry or spoil proofs and touch no leaf.
Cost: one pass over everything, some 100,000 entries a second; nothing is kept but the right edge of the tree.
"""

import hmac
from collections.abc import Iterator
from typing import Any

from cloudhall.kernel import tlog
from cloudhall.kernel.audit import AuditLog, decoded
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

_ROWS = """
SELECT l.idx, l.at_us, l.actor, l.action, l.kind, l.resource, l.project, l.request, l.decision, l.leaf, l.hash,
       p.salt, p.payload
FROM audit_leaf l LEFT JOIN audit_payload p ON p.idx = l.idx ORDER BY l.idx
"""


def wrong_rows(log: AuditLog, tx: Tx) -> Iterator[T]:
    """Name every row that does not agree; nothing where all do."""
    heads = {size: (root, note) for size, root, note in tx.execute("SELECT size, root, note FROM audit_checkpoint")}
    last = max(heads, default=0)
    tree = tlog.CompactRange()
    for expected, row in enumerate(tx.execute(_ROWS)):
        yield from _wrong_entry(expected, row)
        for node in tree.push(row[10]) if tree.size < last else ():
            yield from _wrong_node(tx, node)
        if tree.size in heads and not _signed(log, tree, *heads.pop(tree.size)):
            yield T(f"{tree.size} 条的检查点不符", f"the checkpoint of size {tree.size} is wrong")
    yield from (T(f"没有 {size} 条", f"there are no {size} entries") for size in heads if size)


def _wrong_entry(expected: int, row: Any) -> Iterator[T]:
    idx, at_us, *columns, leaf, hash_, salt, payload = row
    said = T(f"第 {expected} 条的行被改动", f"the row of entry {expected} was changed")
    if idx != expected or hash_ != tlog.leaf_hash(leaf):
        yield said
        return
    try:
        facts = decoded(idx, leaf)
    except CloudhallError:
        yield said
        return
    copies = [facts.actor, facts.action, facts.kind, facts.resource, facts.project, facts.request, facts.phase]
    committed = payload is None or hmac.digest(salt, payload, "sha256").hex() == facts.commitment
    if [at_us, *columns] != [facts.at_us, *copies] or not committed:
        yield said


def _wrong_node(tx: Tx, node: tlog.Node) -> Iterator[T]:
    row = tx.execute("SELECT hash FROM audit_node WHERE level = ? AND idx = ?", (node.level, node.idx)).fetchone()
    if row is None or row[0] != node.hash:
        yield T(f"树节点 {node.level}/{node.idx} 不符", f"tree node {node.level}/{node.idx} is wrong")


def _signed(log: AuditLog, tree: tlog.CompactRange, root: bytes, note: str) -> bool:
    """Whether a checkpoint is of this tree, and signed by a key of ours."""
    return root == tree.root() and log.signed_by_us(note, tree.size, root)

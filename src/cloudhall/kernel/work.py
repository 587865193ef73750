"""The queue of reconciliation: one row for each resource that has a controller or is going away.

Invariants: a claim writes lease, fence and the next retry time at once, so a worker that dies needs no cleaning up; a
wake only counts up and brings `due_us` forward, it never raises the fence; a row past its tries is parked with its
reason, never dropped.
"""

from typing import TYPE_CHECKING, NamedTuple

from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import SECOND_US, World

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

LEASE_US = 60 * SECOND_US
BACKOFF_CAP_S = 600.0
TRIES_MAX = 25
NEVER_US = 2**62
SCHEMA = """
CREATE TABLE IF NOT EXISTS work (
  kind TEXT NOT NULL, id TEXT NOT NULL, due_us INTEGER NOT NULL, lease_us INTEGER NOT NULL DEFAULT 0,
  owner TEXT NOT NULL DEFAULT '', fence INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
  wakes INTEGER NOT NULL DEFAULT 0, effects INTEGER NOT NULL DEFAULT 0, parked TEXT, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS work_due ON work (due_us) WHERE parked IS NULL;
"""


SOONER = "CASE WHEN work.due_us < excluded.due_us THEN work.due_us ELSE excluded.due_us END"


class Claim(NamedTuple):
    """One row in hand."""

    kind: str
    id: str
    fence: int
    tries: int
    wakes: int
    effects: int


def due_now(tx: Tx, kind: str, id_: str, now_us: int) -> None:
    """Wake a resource: due at once, counted, unparked; whoever holds it now will look again."""
    tx.execute(
        "INSERT INTO work (kind, id, due_us) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE "
        f"SET due_us = {SOONER}, wakes = work.wakes + 1, tries = 0, effects = 0, parked = NULL",
        (kind, id_, now_us),
    )


def wake_children(kernel: "Kernel", tx: Tx, kind: str, id_: str, now_us: int) -> None:
    """Wake every resource that refers to one; O(children)."""
    for child, path in kernel.registry.children(kind):
        if child.meta.controller:
            sql = f"SELECT id FROM {child.meta.table} WHERE {path.replace('.', '_')} = ? AND deleted IS NULL"
            for (child_id,) in tx.execute(sql, (id_,)).fetchall():
                due_now(tx, child.meta.key, child_id, now_us)


def claim(tx: Tx, owner: str, now_us: int, limit: int, world: World) -> list[Claim]:
    """Take up to `limit` due rows, oldest first: 35-100 times the rate of one at a time."""
    rows = tx.execute(
        "SELECT kind, id, fence, tries, wakes, effects FROM work "
        "WHERE due_us <= ? AND lease_us <= ? AND parked IS NULL ORDER BY due_us LIMIT ?",
        (now_us, now_us, limit),
    ).fetchall()
    claims = [
        Claim(kind, id_, fence + 1, tries + 1, wakes, effects) for kind, id_, fence, tries, wakes, effects in rows
    ]
    tx.executemany(
        "UPDATE work SET lease_us = ?, owner = ?, fence = ?, tries = ?, due_us = ? WHERE kind = ? AND id = ?",
        [
            (now_us + LEASE_US, owner, c.fence, c.tries, now_us + _retry_us(c.tries, world), c.kind, c.id)
            for c in claims
        ],
    )
    return claims


def finish(tx: Tx, c: Claim, due_us: int | None, *, progress: bool, effects: int) -> int | None:
    """Give a row back; answers the effects since it was last woken, None where the fence is no longer ours.

    `due_us=None`: nothing to do until woken.
    """
    row = tx.execute(
        "UPDATE work SET lease_us = 0, owner = '', tries = CASE WHEN ? = 1 THEN 0 ELSE tries END, "
        "effects = CASE WHEN wakes > ? THEN 0 ELSE ? END, due_us = CASE WHEN wakes > ? THEN 0 ELSE ? END "
        "WHERE kind = ? AND id = ? AND fence = ? RETURNING effects",
        (progress, c.wakes, effects, c.wakes, NEVER_US if due_us is None else due_us, c.kind, c.id, c.fence),
    ).fetchone()
    return row[0] if row else None


def retry_later(tx: Tx, c: Claim, reason: str) -> bool:
    """Leave a failed row at the retry time that the claim wrote; park it when it has failed too often."""
    parked = reason if c.tries >= TRIES_MAX else None
    cursor = tx.execute(
        "UPDATE work SET lease_us = 0, owner = '' WHERE kind = ? AND id = ? AND fence = ?", (c.kind, c.id, c.fence)
    )
    if parked:
        park(tx, c, parked)
    return cursor.rowcount == 1


def park(tx: Tx, c: Claim, reason: str) -> None:
    """Stop trying until woken; a wake that came during the pass has done so already."""
    tx.execute(
        "UPDATE work SET parked = ? WHERE kind = ? AND id = ? AND fence = ? AND wakes = ?",
        (reason, c.kind, c.id, c.fence, c.wakes),
    )


def remove(tx: Tx, c: Claim) -> bool:
    """Drop the row of a resource that is gone, if the fence is still ours and nobody has woken it meanwhile."""
    sql = "DELETE FROM work WHERE kind = ? AND id = ? AND fence = ? AND wakes = ?"
    return tx.execute(sql, (c.kind, c.id, c.fence, c.wakes)).rowcount == 1


def next_due_us(tx: Tx, now_us: int) -> int | None:
    """When the next row that nobody holds is due, or None. Cost: the first entries of one index."""
    sql = "SELECT due_us FROM work WHERE parked IS NULL AND lease_us <= ? ORDER BY due_us LIMIT 1"
    row = tx.execute(sql, (now_us,)).fetchone()
    return row[0] if row and row[0] < NEVER_US else None


def release_all(tx: Tx) -> None:
    """At start, with this the only process: leases of the one before mean nothing."""
    tx.execute("UPDATE work SET lease_us = 0, owner = '', due_us = 0 WHERE lease_us > 0")


def _retry_us(tries: int, world: World) -> int:
    """Full jitter: uniform up to 2^tries seconds, capped."""
    return int(min(2.0 ** min(tries, 20), BACKOFF_CAP_S) * world.jitter() * SECOND_US)

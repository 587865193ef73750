"""The queue of reconciliation: one row for each resource that has a controller or is going away.

Invariants: a claim writes lease, fence and the next retry time at once, so a worker that dies needs no cleaning up; a
wake only counts up and brings `due_us` forward, it never raises the fence; a row past its tries is parked with its
reason, never dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import SECOND_US, World

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

LEASE_US = 10 * SECOND_US  # renewed while a pass runs; so long a crashed worker's share lies still
BACKOFF_CAP_S = 600.0
TRIES_MAX = 25
NEVER_US = 2**62
SCHEMA = """
CREATE TABLE IF NOT EXISTS work (
  kind TEXT NOT NULL, id TEXT NOT NULL, due_us INTEGER NOT NULL, lease_us INTEGER NOT NULL DEFAULT 0,
  owner TEXT NOT NULL DEFAULT '', fence INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
  wakes INTEGER NOT NULL DEFAULT 0, effects INTEGER NOT NULL DEFAULT 0, parked TEXT, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS work_kind_due ON work (kind, due_us) WHERE parked IS NULL;
"""


_DUE = """
SELECT due_us, kind, id, fence, tries, wakes, effects FROM work
WHERE kind = ? AND due_us <= ? AND lease_us <= ? AND parked IS NULL ORDER BY due_us"""
# From one kind that waits to the next, so that kinds without work cost nothing.
_NEXT_DUE = """
WITH RECURSIVE waiting (kind) AS (
  SELECT min(kind) FROM work WHERE parked IS NULL
  UNION ALL
  SELECT (SELECT min(kind) FROM work WHERE parked IS NULL AND kind > waiting.kind) FROM waiting
  WHERE waiting.kind IS NOT NULL
)
SELECT kind, (SELECT due_us FROM work WHERE kind = waiting.kind AND parked IS NULL AND lease_us <= ?
              ORDER BY due_us LIMIT 1) FROM waiting WHERE kind IS NOT NULL
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


class Standing(NamedTuple):
    """How a row stands, for people: `due_us` is None where nothing is tried before something changes."""

    due_us: int | None = None
    running: bool = False
    tries: int = 0
    parked: str = ""


class Backlog(NamedTuple):
    """The queue of one kind: rows in all, due and in nobody's hand, in hand, parked, and when the oldest was due."""

    kind: str
    rows: int
    due: int
    running: int
    parked: int
    oldest_us: int | None


class Parked(NamedTuple):
    """A row that is tried no more until somebody wakes it, and why."""

    kind: str
    id: str
    reason: str
    tries: int


def backlog(tx: Tx, now_us: int) -> list[Backlog]:
    """How each kind's queue stands. Cost: every row of work, some 5 million a second; for people, now and then."""
    free = "parked IS NULL AND lease_us <= ? AND due_us <= ?"
    rows = tx.execute(
        "SELECT kind, count(*), "
        f"sum(CASE WHEN {free} THEN 1 ELSE 0 END), sum(CASE WHEN lease_us > ? THEN 1 ELSE 0 END), "
        f"count(parked), min(CASE WHEN {free} THEN due_us END) FROM work GROUP BY kind ORDER BY kind",
        (now_us, now_us, now_us, now_us, now_us),
    )
    return [Backlog(*row) for row in rows]


def parked(tx: Tx, limit: int) -> list[Parked]:
    """Some of what is parked. Cost: rows of work up to the last one found."""
    sql = "SELECT kind, id, parked, tries FROM work WHERE parked IS NOT NULL ORDER BY kind, id LIMIT ?"
    return [Parked(*row) for row in tx.execute(sql, (limit,))]


def standing(tx: Tx, kind: str, id_: str, now_us: int) -> Standing:
    """How the row of a resource stands; one that has none waits for nothing."""
    sql = "SELECT due_us, lease_us, tries, parked FROM work WHERE kind = ? AND id = ?"
    row = tx.execute(sql, (kind, id_)).fetchone()
    if row is None:
        return Standing()
    due_us, lease_us, tries, parked = row
    rests = parked is not None or due_us >= NEVER_US
    return Standing(None if rests else max(due_us, now_us), lease_us > now_us, tries, parked or "")


def due_now(tx: Tx, kind: str, id_: str, now_us: int) -> None:
    """Wake a resource: due at once, counted, unparked; whoever holds it now will look again."""
    tx.execute(
        "INSERT INTO work (kind, id, due_us) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE "
        f"SET due_us = {SOONER}, wakes = work.wakes + 1, tries = 0, effects = 0, parked = NULL",
        (kind, id_, now_us),
    )


def forget(tx: Tx, kind: str, id_: str) -> None:
    """Drop the row of a resource that needs no more passes, whoever holds it."""
    tx.execute("DELETE FROM work WHERE kind = ? AND id = ?", (kind, id_))


def wake_children(kernel: "Kernel", tx: Tx, kind: str, id_: str, now_us: int) -> None:
    """Wake every resource that refers to one; O(children)."""
    for child, path in kernel.registry.children(kind):
        if child.meta.controller:
            sql = f"SELECT id FROM {child.meta.table} WHERE {path.replace('.', '_')} = ? AND deleted IS NULL"
            for (child_id,) in tx.execute(sql, (id_,)).fetchall():
                due_now(tx, child.meta.key, child_id, now_us)


def claim(tx: Tx, owner: str, now_us: int, room: Mapping[str, int], world: World) -> list[Claim]:
    """Take due rows, of each kind as many as there is room for: 35-100 times the rate of one at a time.

    Half of them are the oldest and half the newest: what somebody changes now does not wait behind a sweep of all.
    Cost: the first and last entries of one index for each kind, however many rows wait or are parked.
    """
    rows = [r for kind, n in room.items() for r in _due(tx, kind, now_us, n, world)]
    claims = [
        Claim(kind, id_, fence + 1, tries + 1, wakes, effects)
        for _, kind, id_, fence, tries, wakes, effects in sorted(rows)
    ]
    tx.executemany(
        "UPDATE work SET lease_us = ?, owner = ?, fence = ?, tries = ?, due_us = ? WHERE kind = ? AND id = ?",
        [
            (now_us + LEASE_US, owner, c.fence, c.tries, now_us + _retry_us(c.tries, world), c.kind, c.id)
            for c in claims
        ],
    )
    return claims


def _due(tx: Tx, kind: str, now_us: int, room: int, world: World) -> Iterable[tuple[Any, ...]]:
    newest = room // 2 if room > 1 else round(world.jitter()) * room
    asked = (("", room - newest), (" DESC", newest))
    found = [r for way, n in asked if n for r in tx.execute(f"{_DUE}{way} LIMIT ?", (kind, now_us, now_us, n))]
    return {row[2]: row for row in found}.values()


def renew(tx: Tx, claims: Sequence[Claim], now_us: int) -> None:
    """Keep rows whose passes take longer than a lease."""
    tx.executemany(
        "UPDATE work SET lease_us = ? WHERE kind = ? AND id = ? AND fence = ?",
        [(now_us + LEASE_US, c.kind, c.id, c.fence) for c in claims],
    )


def give_back(tx: Tx, claims: Sequence[Claim]) -> None:
    """Let go of rows whose passes were lost on the way; they are due when their claims said."""
    tx.executemany(
        "UPDATE work SET lease_us = 0, owner = '' WHERE kind = ? AND id = ? AND fence = ?",
        [(c.kind, c.id, c.fence) for c in claims],
    )


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


def retry_later(tx: Tx, c: Claim, reason: str, latest_us: int) -> bool:
    """Leave a failed row at the retry time that the claim wrote, or earlier; park it when it has failed too often."""
    cursor = tx.execute(
        "UPDATE work SET lease_us = 0, owner = '', due_us = CASE WHEN due_us > ? THEN ? ELSE due_us END "
        "WHERE kind = ? AND id = ? AND fence = ?",
        (latest_us, latest_us, c.kind, c.id, c.fence),
    )
    if c.tries >= TRIES_MAX:
        park(tx, c, reason)
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


def next_due(tx: Tx, now_us: int) -> dict[str, int]:
    """When the next row that nobody holds is due, by kind. Cost: two steps of one index for each kind that waits."""
    return {
        kind: due_us for kind, due_us in tx.execute(_NEXT_DUE, (now_us,)) if due_us is not None and due_us < NEVER_US
    }


def next_due_us(tx: Tx, now_us: int) -> int | None:
    """When the next row of any kind is due, or None."""
    return min(next_due(tx, now_us).values(), default=None)


def release(tx: Tx, owner: str) -> None:
    """Let go of what a worker of this name held before it was started anew. Reads every row in hand and due."""
    tx.execute("UPDATE work SET lease_us = 0, owner = '', due_us = 0 WHERE owner = ?", (owner,))


def _retry_us(tries: int, world: World) -> int:
    """Full jitter: uniform up to 2^tries seconds, capped."""
    return int(min(2.0 ** min(tries, 20), BACKOFF_CAP_S) * world.jitter() * SECOND_US)

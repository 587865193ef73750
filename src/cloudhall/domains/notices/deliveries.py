"""Deliveries: what is to be sent to each webhook, what became of it, and when a webhook is tried next.

Two hot tables. `webhook_delivery` has a row an event and webhook; `webhook_line` one row a webhook that ever had any:
when its oldest waiting delivery is due, who works on it, and how many attempts in a row have failed.
Invariants: a delivery is one of waiting, delivered and parked, and never dropped before it is one of the latter two;
one sender at a time holds a line, by a lease that outlives a killed process for seconds; per webhook the log keeps the
newest `KEPT_MAX` and the queue at most `WAITING_MAX`.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.world import SECOND_US

State = Literal["waiting", "delivered", "parked"]
FAILING = 3  # attempts in a row from which on people are told
LEASE_US = 15 * SECOND_US  # longer than an attempt may take
DEADLINE_US = 24 * 3_600 * SECOND_US
KEPT_MAX, WAITING_MAX = 10_000, 100_000
NEVER_US = 2**62
LATE, BACKLOG = "not delivered within 24 hours", "too many were waiting"
SCHEMA = """
CREATE TABLE IF NOT EXISTS webhook_line (
  webhook TEXT PRIMARY KEY, due_us INTEGER NOT NULL, lease_us INTEGER NOT NULL, failures INTEGER NOT NULL,
  last TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_line_due ON webhook_line (due_us);
CREATE TABLE IF NOT EXISTS webhook_delivery (
  webhook TEXT NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL, queued_us INTEGER NOT NULL,
  tries INTEGER NOT NULL, tried_us INTEGER NOT NULL, took_ms INTEGER NOT NULL, status INTEGER NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (webhook, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS webhook_delivery_waiting ON webhook_delivery (webhook, revision) WHERE state = 'waiting';
"""
_COLUMNS = "revision, state, queued_us, tries, tried_us, took_ms, status, reason"
_BEYOND_LOG = "SELECT revision FROM webhook_delivery WHERE webhook = ? ORDER BY revision DESC LIMIT 1 OFFSET ?"
_BEYOND_QUEUE = (
    "SELECT revision FROM webhook_delivery WHERE webhook = ? AND state = 'waiting' "
    "ORDER BY revision DESC LIMIT 1 OFFSET ?"
)
_OLDEST = "SELECT revision FROM webhook_delivery WHERE webhook = ? AND state = 'waiting' ORDER BY revision LIMIT 1"


class Line(NamedTuple):
    """How a webhook stands."""

    due_us: int
    lease_us: int
    failures: int
    last: str


class Delivery(NamedTuple):
    """One row of the log; `status` is what the receiver answered, 0 where it did not."""

    revision: int
    state: State
    queued_us: int
    tries: int
    tried_us: int
    took_ms: int
    status: int
    reason: str


class Attempt(NamedTuple):
    """What came of one attempt: delivered where `reason` is empty; `final` is tried no more."""

    at_us: int
    took_ms: int = 0
    status: int = 0
    reason: str = ""
    final: bool = False


def queue(tx: Tx, webhook: str, revisions: Iterable[int], now_us: int) -> None:
    """Let events wait for a webhook, those that were delivered before once more; wake its line."""
    tx.executemany(
        "INSERT INTO webhook_delivery VALUES (?, ?, 'waiting', ?, 0, 0, 0, 0, '') ON CONFLICT (webhook, revision) "
        "DO UPDATE SET state = 'waiting', queued_us = excluded.queued_us, tries = 0, reason = ''",
        [(webhook, revision, now_us) for revision in revisions],
    )
    wake(tx, webhook, now_us)


def wake(tx: Tx, webhook: str, now_us: int) -> None:
    """Make a line due that rests; one that pauses after a failure keeps its pause."""
    tx.execute(
        "INSERT INTO webhook_line VALUES (?, ?, 0, 0, '') ON CONFLICT (webhook) DO UPDATE SET due_us = "
        "CASE WHEN webhook_line.due_us = ? THEN excluded.due_us ELSE webhook_line.due_us END",
        (webhook, now_us, NEVER_US),
    )


def hurry(tx: Tx, webhook: str, now_us: int) -> None:
    """Make a line due at once, whether it rests or pauses after a failure."""
    tx.execute("UPDATE webhook_line SET due_us = ? WHERE webhook = ? AND due_us > ?", (now_us, webhook, now_us))


def any_due(tx: Tx, now_us: int) -> bool:
    """Whether there is a line to claim."""
    sql = "SELECT 1 FROM webhook_line WHERE due_us <= ? AND lease_us <= ? LIMIT 1"
    return tx.execute(sql, (now_us, now_us)).fetchone() is not None


def claim(tx: Tx, now_us: int, limit: int) -> list[str]:
    """Take lines that are due, healthy ones first, so that whoever keeps failing keeps nobody waiting."""
    rows = tx.execute(
        "SELECT webhook FROM webhook_line WHERE due_us <= ? AND lease_us <= ? ORDER BY failures, due_us LIMIT ?",
        (now_us, now_us, limit),
    ).fetchall()
    taken = [str(webhook) for (webhook,) in rows]
    tx.executemany("UPDATE webhook_line SET lease_us = ? WHERE webhook = ?", [(now_us + LEASE_US, w) for w in taken])
    return taken


def failing(tx: Tx) -> list[tuple[str, str]]:
    """Webhooks that people should hear of, and what each last answered. Cost: a row a webhook."""
    sql = "SELECT webhook, last FROM webhook_line WHERE failures >= ? ORDER BY webhook"
    return [(str(webhook), str(last)) for webhook, last in tx.execute(sql, (FAILING,))]


def oldest(tx: Tx, webhook: str) -> int | None:
    """Revision that is next in order, or None."""
    row = tx.execute(_OLDEST, (webhook,)).fetchone()
    return int(row[0]) if row else None


def rest(tx: Tx, webhook: str) -> None:
    """Give a line back until it is woken."""
    tx.execute("UPDATE webhook_line SET due_us = ?, lease_us = 0 WHERE webhook = ?", (NEVER_US, webhook))


def record(tx: Tx, webhook: str, revision: int, attempt: Attempt, pause_us: int) -> bool:
    """Write what came of an attempt; answers whether the same sender shall go on with the next delivery.

    After a failure the line is given back and due again after the pause; what is past its deadline is parked.
    """
    tx.execute(
        "UPDATE webhook_delivery SET state = ?, tries = tries + 1, tried_us = ?, took_ms = ?, status = ?, reason = ? "
        "WHERE webhook = ? AND revision = ? AND state = 'waiting'",
        (_state(attempt), *attempt[:4], webhook, revision),
    )
    if attempt.reason and not attempt.final:
        _park(tx, webhook, LATE, attempt.at_us - DEADLINE_US)
        tx.execute(
            "UPDATE webhook_line SET due_us = ?, lease_us = 0, failures = failures + 1, last = ? WHERE webhook = ?",
            (attempt.at_us + pause_us, attempt.reason, webhook),
        )
        return False
    if not attempt.final:
        tx.execute("UPDATE webhook_line SET failures = 0, last = '' WHERE webhook = ?", (webhook,))
    lease = (attempt.at_us, attempt.at_us + LEASE_US, webhook)
    tx.execute("UPDATE webhook_line SET due_us = ?, lease_us = ? WHERE webhook = ?", lease)
    return True


def line(tx: Tx, webhook: str) -> Line | None:
    """How a webhook stands; None before its first delivery."""
    row = tx.execute("SELECT due_us, lease_us, failures, last FROM webhook_line WHERE webhook = ?", (webhook,))
    found = row.fetchone()
    return Line(*found) if found else None


def log(tx: Tx, webhook: str, before: int = NEVER_US, state: str = "", limit: int = 50) -> list[Delivery]:
    """Newest deliveries before a revision, of one state where named."""
    where = Where("webhook = ? AND revision < ?", (webhook, before))
    both = where & Where("state = ?", (state,)) if state else where
    sql = f"SELECT {_COLUMNS} FROM webhook_delivery WHERE {both.sql} ORDER BY revision DESC LIMIT ?"  # noqa: S608  conditions of this function
    return [Delivery(*row) for row in tx.execute(sql, (*both.params, limit))]


def trim(tx: Tx) -> None:
    """Bound log and queue of every webhook. Cost: two look-ups by key a webhook."""
    for (webhook,) in tx.execute("SELECT webhook FROM webhook_line").fetchall():
        if found := tx.execute(_BEYOND_QUEUE, (webhook, WAITING_MAX)).fetchone():
            tx.execute(
                "UPDATE webhook_delivery SET state = 'parked', reason = ? "
                "WHERE webhook = ? AND state = 'waiting' AND revision <= ?",
                (BACKLOG, webhook, found[0]),
            )
        if found := tx.execute(_BEYOND_LOG, (webhook, KEPT_MAX)).fetchone():
            tx.execute(
                "DELETE FROM webhook_delivery WHERE webhook = ? AND revision <= ? AND state <> 'waiting'",
                (webhook, found[0]),
            )


def any_of(tx: Tx, webhook: str) -> bool:
    """Whether anything is kept of a webhook."""
    return line(tx, webhook) is not None or bool(log(tx, webhook, limit=1))


def forget(tx: Tx, webhook: str) -> None:
    """Remove all that is kept of a webhook."""
    tx.execute("DELETE FROM webhook_delivery WHERE webhook = ?", (webhook,))
    tx.execute("DELETE FROM webhook_line WHERE webhook = ?", (webhook,))


def _state(attempt: Attempt) -> State:
    if not attempt.reason:
        return "delivered"
    return "parked" if attempt.final else "waiting"


def _park(tx: Tx, webhook: str, reason: str, queued_before_us: int) -> None:
    tx.execute(
        "UPDATE webhook_delivery SET state = 'parked', reason = CASE WHEN reason = '' THEN ? ELSE reason END "
        "WHERE webhook = ? AND state = 'waiting' AND queued_us < ?",
        (reason, webhook, queued_before_us),
    )

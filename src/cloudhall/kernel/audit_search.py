"""How entries of the audit log are looked for: one statement a few hundred places, merged from newest to oldest.

Each index is walked only as far as the page needs it, whatever the size of the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where

PLACES_MERGED_MAX = 400  # of the 500 parts that SQLite allows a compound SELECT
# `+ 0` keeps SQLite from answering min() by a walk through the rows in order of idx.
SINCE = "idx >= (SELECT min(idx + 0) FROM audit_leaf WHERE at_us >= ?)"
_SEARCH = "SELECT idx, leaf FROM audit_leaf WHERE "
_EVERYWHERE = Where("TRUE")


def parts_of(places: Sequence[str], *, narrow: bool) -> list[list[Where]]:
    """Where to look: a list a statement, in it a condition for each index to be walked.

    An actor or resource has an index that goes before those of the places (`+` keeps SQLite from taking theirs).
    """
    if narrow and places:
        return [[Where(f"+project IN ({', '.join('?' * len(places))})", tuple(places))]]
    each = [Where("project = ?", (place,)) for place in places] or [_EVERYWHERE]
    return [each[i : i + PLACES_MERGED_MAX] for i in range(0, len(each), PLACES_MERGED_MAX)]


def newest(tx: Tx, parts: Sequence[Where], given: Mapping[str, Any], limit: int) -> list[Any]:
    """Newest rows over all parts, as `(idx, leaf)`."""
    wheres = [part & Where(" AND ".join(given), tuple(given.values())) if given else part for part in parts]
    sql = " UNION ALL ".join(_SEARCH + where.sql for where in wheres) + " ORDER BY idx DESC LIMIT ?"
    return tx.execute(sql, (*(value for where in wheres for value in where.params), limit)).fetchall()


def entry(tx: Tx, idx: int) -> Any:
    """One row, as `(idx, leaf)`, or None."""
    return tx.execute(f"{_SEARCH}idx = ?", (idx,)).fetchone()


def first_at(tx: Tx, at_us: int) -> int | None:
    """Index of the first entry of a time or later, None where there is none yet."""
    sql = "SELECT idx FROM audit_leaf WHERE at_us >= ? ORDER BY at_us, idx LIMIT 1"
    row = tx.execute(sql, (at_us,)).fetchone()
    return int(row[0]) if row else None


def nearest_about(tx: Tx, resource: str, idx: int) -> Any:
    """First row about a resource behind an index, else the last before, as `(idx, leaf)`, or None."""
    behind = tx.execute(f"{_SEARCH}resource = ? AND idx > ? ORDER BY idx LIMIT 1", (resource, idx)).fetchone()
    before = f"{_SEARCH}resource = ? AND idx < ? ORDER BY idx DESC LIMIT 1"
    return behind or tx.execute(before, (resource, idx)).fetchone()

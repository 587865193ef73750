"""How entries of the audit log are looked for: one statement a few hundred places, merged from newest to oldest.

Each index is walked only as far as the page needs it, whatever the size of the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where

PLACES_MERGED_MAX = 400  # of the 500 parts that SQLite allows a compound SELECT
# `+ 0` keeps SQLite from answering min() by a walk through the rows in order of idx.
SINCE = "idx >= (SELECT min(idx + 0) FROM audit_leaf WHERE at_us >= ?)"
_SEARCH = "SELECT idx, leaf FROM audit_leaf WHERE "
_EVERYWHERE = Where("TRUE")


class Asked(NamedTuple):
    """What is looked for; `places` are the projects and organisations any of which an entry may be of."""

    actor: str | None
    resource: str | None
    places: tuple[str, ...]
    action: str | None
    since_us: int | None
    before_idx: int | None

    @property
    def narrow(self) -> bool:
        """Whether it has an index that goes before those of the places."""
        return (self.actor, self.resource) != (None, None)

    @property
    def given(self) -> Mapping[str, Any]:
        """Values by the conditions that every part is under."""
        asked = {
            "actor = ?": self.actor,
            "resource = ?": self.resource,
            "action = ?": self.action,
            "at_us >= ?": self.since_us,
            SINCE: None if self.narrow or self.places else self.since_us,
            "idx < ?": self.before_idx,
        }
        return {clause: value for clause, value in asked.items() if value is not None}


def newest(tx: Tx, asked: Asked, limit: int) -> list[Any]:
    """Newest rows of all places, as `(idx, leaf)`, newest first."""
    rows = [row for parts in _parts(asked) for row in _merged(tx, parts, asked.given, limit)]
    return sorted(rows, reverse=True)[:limit]


def _parts(asked: Asked) -> list[list[Where]]:
    """Where to look: a list a statement, in it a condition for each index to be walked.

    Where an actor or resource is given, `+` keeps SQLite from taking an index of the places.
    """
    if asked.narrow and asked.places:
        return [[Where(f"+project IN ({', '.join('?' * len(asked.places))})", asked.places)]]
    each = [Where("project = ?", (place,)) for place in asked.places] or [_EVERYWHERE]
    return [each[i : i + PLACES_MERGED_MAX] for i in range(0, len(each), PLACES_MERGED_MAX)]


def _merged(tx: Tx, parts: Sequence[Where], given: Mapping[str, Any], limit: int) -> list[Any]:
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

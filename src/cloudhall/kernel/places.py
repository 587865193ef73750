"""Places and roles: the tree of platform, organisations and projects, and who holds which role where.

A role is held on a place and all below it, or on one resource: then `role_grant.place` is the resource's id, which no
place has. A grant to an organisation is held by everybody whose account lies in it or below.

Both tables are projections of resources (kinds declared with `place=True` or `grants=…`), written in the transaction of
the command that changed them, so a revoked grant is gone with the answer that says so. A place that was deleted stays
in the tree: what is kept of it (statements, the log) still lies under its organisation.
Cost: `ancestors` and `granted` read one index each; the closure holds a row a place and level (3,000, depth 5: 15,000).
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType

from cloudhall.kernel.store import Tx

PLATFORM = "platform"
SCHEMA = """
CREATE TABLE IF NOT EXISTS place (
  descendant TEXT NOT NULL, ancestor TEXT NOT NULL, distance INTEGER NOT NULL, PRIMARY KEY (descendant, ancestor)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS place_ancestor ON place (ancestor);
INSERT INTO place VALUES ('platform', 'platform', 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS role_grant (
  id TEXT PRIMARY KEY, subject TEXT NOT NULL, role TEXT NOT NULL, place TEXT NOT NULL, expires_us INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS role_grant_subject ON role_grant (subject);
CREATE INDEX IF NOT EXISTS role_grant_place ON role_grant (place, role);
"""


def add_place(tx: Tx, place: str, parent: str) -> None:
    """Hang a place below its parent."""
    tx.execute("INSERT INTO place VALUES (?, ?, 0)", (place, place))
    tx.execute("INSERT INTO place SELECT ?, ancestor, distance + 1 FROM place WHERE descendant = ?", (place, parent))


def ancestors(tx: Tx, place: str) -> tuple[str, ...]:
    """Return the place itself first, then all above it, up to `platform`; empty for an unknown place."""
    rows = tx.execute("SELECT ancestor FROM place WHERE descendant = ? ORDER BY distance", (place,))
    return tuple(r[0] for r in rows)


def within(tx: Tx, place: str) -> tuple[str, ...]:
    """Return the place itself first, then all below it, deleted ones too; an unknown place alone. O(places below)."""
    rows = tx.execute("SELECT descendant FROM place WHERE ancestor = ? ORDER BY distance, descendant", (place,))
    return tuple(r[0] for r in rows) or (place,)


def set_grant(tx: Tx, id_: str, subject: str, role: str, place: str, expires_us: int | None) -> None:
    """Record a live grant."""
    tx.execute(
        "INSERT INTO role_grant VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, "
        "role = excluded.role, place = excluded.place, expires_us = excluded.expires_us",
        (id_, subject, role, place, expires_us),
    )


def remove_grant(tx: Tx, id_: str) -> None:
    """Take a grant back."""
    tx.execute("DELETE FROM role_grant WHERE id = ?", (id_,))


def granted(tx: Tx, subject: str, now_us: int, organisation: str = "") -> Mapping[str, frozenset[str]]:
    """Roles that a subject holds now, itself or with its organisation, each with the places and resources granted on.

    Places are not expanded downwards.
    """
    rows = tx.execute(*_grants_of(subject, organisation)).fetchall()
    return _held(tuple((role, place) for role, place, ends_us in rows if ends_us is None or ends_us > now_us))


@functools.lru_cache(4_096)
def _held(grants: tuple[tuple[str, str], ...]) -> Mapping[str, frozenset[str]]:
    """Places by role, the same object for the same grants: whoever hashes it does so once."""
    held: dict[str, set[str]] = {}
    for role, place in grants:
        held.setdefault(role, set()).add(place)
    return MappingProxyType({role: frozenset(places) for role, places in held.items()})


def _grants_of(subject: str, organisation: str) -> tuple[str, tuple[str, ...]]:
    mine = "SELECT role, place, expires_us FROM role_grant WHERE subject = ?"
    if not organisation:
        return mine, (subject,)
    ours = "SELECT role, place, expires_us FROM role_grant WHERE subject IN"
    return f"{mine} UNION ALL {ours} (SELECT ancestor FROM place WHERE descendant = ?)", (subject, organisation)


def holders(tx: Tx, role: str, places: tuple[str, ...], now_us: int, limit: int = 5) -> list[str]:
    """Who holds a role on any of the places: whom to ask."""
    marks = ", ".join("?" * len(places))
    sql = (
        f"SELECT DISTINCT subject FROM role_grant WHERE role = ? AND place IN ({marks}) "
        f"AND (expires_us IS NULL OR expires_us > ?) LIMIT {limit}"
    )
    return [r[0] for r in tx.execute(sql, (role, *places, now_us))]

"""The recycle bin: what was deleted and can still be had back. Its rows are out of sight, with all that they say.

A row in the bin has the column `deleted` set, so that no list, look-up or reference meets it, and an entry here: who
put it there, when, and how much of its time is left. What went along with it (keys of a bucket, grants of a project)
has an entry too, under its owner, and comes back or is destroyed with it.

Invariants: a name in the bin stays taken, because whoever still uses it must not reach somebody else's resource, and a
restore never fails for it; room under quotas is given back; a secret stays wrapped as it was; what is destroyed stays
here until its finalizer is through. Time is counted by looks, `STEP_US` at most each: a clock that jumps ahead destroys
nothing early, and days on which nothing runs do not count.
Cost: four looks a day for each entry, each one row.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel
    from cloudhall.kernel.kinds import Kind, Meta
    from cloudhall.kernel.look import Tables

DAY_US = 86_400 * SECOND_US
STEP_US = DAY_US // 4
VARIABLE = "CLOUDHALL_BIN_DAYS"
SCHEMA = """
CREATE TABLE IF NOT EXISTS bin (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, place TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
  actor TEXT NOT NULL, at_us INTEGER NOT NULL, left_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, withdrawn_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bin_owner ON bin (owner);
CREATE INDEX IF NOT EXISTS bin_place ON bin (place);
CREATE INDEX IF NOT EXISTS bin_kind ON bin (kind, at_us, id);
CREATE INDEX IF NOT EXISTS bin_name ON bin (kind, name);
"""
_ENTRY = "SELECT owner, actor, at_us, left_us + seen_us, withdrawn_us FROM bin"


class Kept(msgspec.Struct, frozen=True):
    """How something lies in the bin: `owner` is its own id, or that of what it went with; `until_us` as known now."""

    owner: str
    actor: str
    at_us: int
    until_us: int
    withdrawn_us: int | None = None


def row(tables: "Tables", tx: Tx, kind: str, id_: str) -> "Kind[Any, Any] | None":
    """Resource in the bin, or None."""
    entry = tx.execute(f"{_ENTRY} WHERE id = ?", (id_,)).fetchone()
    found = tables[kind].hidden(tx, id_) if entry else None
    if found is not None:
        found.kept = Kept(*entry)
    return found


def put(tx: Tx, r: "Kind[Any, Any]", kept: Kept) -> None:
    """Enter a resource."""
    entry = (r.id, type(r).meta.key, r.place, r.name, kept.owner, kept.actor, kept.at_us, kept.until_us - kept.at_us)
    tx.execute("INSERT INTO bin VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*entry, kept.at_us))
    r.kept = kept


def take(tx: Tx, id_: str) -> None:
    """Strike out an entry: its resource is back, or gone."""
    tx.execute("DELETE FROM bin WHERE id = ?", (id_,))


def with_owner(tables: "Tables", tx: Tx, owner: str) -> "list[Kind[Any, Any]]":
    """Everything that went along with a resource and is still in the bin."""
    found = tx.execute("SELECT kind, id FROM bin WHERE owner = ? AND id <> ? ORDER BY id", (owner, owner)).fetchall()
    return [r for kind, id_ in found if (r := row(tables, tx, kind, id_)) is not None]


def within(tables: "Tables", tx: Tx, place: str) -> "list[Kind[Any, Any]]":
    """Everything that was put into the bin by itself and lies in a place."""
    found = tx.execute("SELECT kind, id FROM bin WHERE place = ? AND owner = id ORDER BY id", (place,)).fetchall()
    return [r for kind, id_ in found if (r := row(tables, tx, kind, id_)) is not None]


def named(tables: "Tables", tx: Tx, kind: str, name: str) -> "list[Kind[Any, Any]]":
    """Everything of a kind in the bin that has a name."""
    found = tx.execute("SELECT id FROM bin WHERE kind = ? AND name = ? ORDER BY id", (kind, name)).fetchall()
    return [r for (id_,) in found if (r := row(tables, tx, kind, id_)) is not None]


def page(
    tables: "Tables", tx: Tx, kind: str, visible: Where, after: tuple[int, str] | None, limit: int
) -> "list[Kind[Any, Any]]":
    """Newest first, what was deleted by itself, of a kind, among what is visible; behind `(at_us, id)`."""
    beyond, params = ("AND (bin_at, id) < (?, ?)", after) if after else ("", ())
    sql = (
        f"SELECT id FROM {tables[kind].name}, (SELECT id AS bin_id, at_us AS bin_at FROM bin "
        f"WHERE kind = ? AND owner = id) AS binned WHERE bin_id = id AND ({visible.sql}) {beyond} "
        "ORDER BY bin_at DESC, id DESC LIMIT ?"
    )
    found = tx.execute(sql, (kind, *visible.params, *params, limit)).fetchall()
    return [r for (id_,) in found if (r := row(tables, tx, kind, id_)) is not None]


def all_of(tables: "Tables", tx: Tx, kind: str) -> "list[Kind[Any, Any]]":
    """Everything of a kind in the bin, with owners and without: what engines still hold for it. O(entries)."""
    found = tx.execute("SELECT id FROM bin WHERE kind = ?", (kind,)).fetchall()
    return [r for (id_,) in found if (r := row(tables, tx, kind, id_)) is not None]


def age(tx: Tx, id_: str, now_us: int) -> int | None:
    """Count the time since the last look; answers what is left, in microseconds, or None for what is not there."""
    entry = tx.execute("SELECT left_us, seen_us FROM bin WHERE id = ?", (id_,)).fetchone()
    if entry is None:
        return None
    left_us, seen_us = entry
    left_us -= max(0, min(now_us - seen_us, STEP_US))
    tx.execute("UPDATE bin SET left_us = ?, seen_us = ? WHERE id = ?", (left_us, now_us, id_))
    return int(left_us)


def withdrawn(tx: Tx, id_: str, now_us: int) -> None:
    """Say that nobody reaches it any more."""
    tx.execute("UPDATE bin SET withdrawn_us = ? WHERE id = ? AND withdrawn_us IS NULL", (now_us, id_))


def sweep(tx: Tx, now_us: int) -> None:
    """Make everything in the bin due."""
    tx.execute(
        "INSERT INTO work (kind, id, due_us) SELECT kind, id, ? FROM bin WHERE TRUE ON CONFLICT (kind, id) DO UPDATE "
        "SET due_us = CASE WHEN work.due_us < excluded.due_us THEN work.due_us ELSE excluded.due_us END, "
        "tries = CASE WHEN work.parked IS NULL THEN work.tries ELSE 0 END, parked = NULL",
        (now_us,),
    )


def days_from_environment() -> Mapping[str, int]:
    """Days as CLOUDHALL_BIN_DAYS sets them; raises `Invalid`."""
    try:
        return days_of(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        text = T(f"{VARIABLE} 不是天数：{error}", f"{VARIABLE} holds no days: {error}")
        raise Invalid(text, mend=T("例如 30 storage.bucket=90", "Such as 30 storage.bucket=90")) from error


def days_of(text: str) -> Mapping[str, int]:
    """Read a setting such as `14` or `30 storage.bucket=90`: days by kind, under "" those of every other."""
    days = {}
    for word in text.split():
        kind, _, number = word.rpartition("=")
        days[kind] = max(1, int(number))
    return days


def kept_us(kernel: "Kernel", meta: "Meta") -> int:
    """How long a kind stays in the bin: as this installation has set it, else as the kind declares."""
    days = kernel.bin_days.get(meta.key, kernel.bin_days.get("", meta.recoverable_days))
    return days * DAY_US

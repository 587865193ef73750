"""Amendments: what was decided to count instead of what was read, as rows that reverse and replace.

An amendment is two rows with signs: one takes back what counted so far, one puts in its place what counts from now on.
Neither a reading nor an amendment is ever changed; another decision is another pair, which takes back the last one.

Invariants: the signed rows of one reading together with itself always add up to what counts now; a chain has no
branches (`step` counts it); an amendment under a known id changes nothing. Who may decide is `corrections.py`'s matter.
"""

from typing import Any, NamedTuple

import msgspec

from cloudhall.kernel.metering import Reading
from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE usage_amendment (
    source TEXT NOT NULL, source_id TEXT NOT NULL, meter TEXT NOT NULL, resource TEXT NOT NULL, project TEXT NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL CHECK (to_us > from_us),
    quantity_micro INTEGER NOT NULL CHECK (quantity_micro >= 0),
    step INTEGER NOT NULL, sign INTEGER NOT NULL CHECK (sign IN (-1, 1)),
    id TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, recorded_us INTEGER NOT NULL,
    PRIMARY KEY (source, source_id, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_amendment_by_period ON usage_amendment (project, meter, from_us);
CREATE INDEX usage_amendment_by_id ON usage_amendment (id);
"""
PUT = f"INSERT INTO usage_amendment VALUES ({', '.join('?' * 14)}) ON CONFLICT DO NOTHING"
BODY = ", ".join(Reading.__struct_fields__)
_WIDTH = len(Reading.__struct_fields__)


class Amended(NamedTuple):
    """One signed row. `step` is 1, 3, … for what takes back, 2, 4, … for what is put in place."""

    reading: Reading
    step: int
    sign: int
    id: str
    actor: str
    reason: str
    recorded_us: int


def counted(tx: Tx, source: str, source_id: str) -> Reading | None:
    """What counts now under an id, or None where no such reading was ever delivered."""
    key = (source, source_id)
    last = tx.execute(
        f"SELECT {BODY} FROM usage_amendment WHERE source = ? AND source_id = ? ORDER BY step DESC LIMIT 1", key
    ).fetchone()
    row = last or tx.execute(f"SELECT {BODY} FROM usage WHERE source = ? AND source_id = ?", key).fetchone()
    return None if row is None else _reading(row)


def amend(tx: Tx, id_: str, new: Reading, actor: str, reason: str, *, now_us: int) -> list[Amended]:
    """Let `new` count under its id from now on; answers both rows, those of the first time where `id_` is known.

    Raises KeyError where nothing counts under that id.
    """
    if done := of(tx, id_):
        return done
    old = counted(tx, new.source, new.source_id)
    if old is None:
        raise KeyError(f"{new.source}/{new.source_id}")
    (last,) = tx.execute(
        "SELECT coalesce(max(step), 0) FROM usage_amendment WHERE source = ? AND source_id = ?",
        (new.source, new.source_id),
    ).fetchone()
    pair = [
        Amended(old, last + 1, -1, id_, actor, reason, now_us),
        Amended(new, last + 2, 1, id_, actor, reason, now_us),
    ]
    for row in pair:
        tx.execute(PUT, (*msgspec.structs.astuple(row.reading), *row[1:]))
    return pair


def of(tx: Tx, id_: str) -> list[Amended]:
    """Both rows of an amendment, what it took back first."""
    return [_row(row) for row in tx.execute("SELECT * FROM usage_amendment WHERE id = ? ORDER BY step", (id_,))]


def within(tx: Tx, project: str, meter: str, from_us: int, to_us: int, resource: str = "") -> list[Amended]:
    """Signed rows that begin in `[from_us, to_us)`, in order of time. Cost: the amendments of this time."""
    sql = "SELECT * FROM usage_amendment WHERE project = ? AND meter = ? AND from_us >= ? AND from_us < ?"
    found = map(_row, tx.execute(sql, (project, meter, from_us, to_us)))
    mine = (row for row in found if not resource or row.reading.resource == resource)
    return sorted(mine, key=lambda row: (row.reading.from_us, row.reading.source, row.reading.source_id, row.step))


def last_us(tx: Tx, project: str) -> int:
    """When something was last amended in a project; 0 if never. Cost: the amendments of the project."""
    (at_us,) = tx.execute(
        "SELECT coalesce(max(recorded_us), 0) FROM usage_amendment WHERE project = ?", (project,)
    ).fetchone()
    return int(at_us)


def _row(row: Any) -> Amended:
    return Amended(_reading(row[:_WIDTH]), *row[_WIDTH:])


def _reading(row: Any) -> Reading:
    return Reading(**dict(zip(Reading.__struct_fields__, row, strict=True)))

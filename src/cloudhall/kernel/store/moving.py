"""A whole database from SQLite to PostgreSQL: every table as it stands, copied and compared in one transaction.

What is made is what the source says of itself, rendered; so a table that this release does not know moves too. Rows are
compared by number and by a sum of their hashes, read back from the target, before anything is committed.
Cost: rows go and come in pages of `PAGE`, some 20,000 a second.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.store.dialect import Dialect
from cloudhall.kernel.store.revisions import mark, version
from cloudhall.kernel.text import T

PAGE = 2_000
OWN = "schema_version"  # the target's own table
_MADE = "SELECT sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL ORDER BY name"
_SUM = 2**128
_walks = itertools.count()


class Copied(NamedTuple):
    """A table, its rows, and the sum of their hashes modulo 2^128, which no order changes."""

    table: str
    rows: int
    digest: str


def move(source: Store, target: Store, done: Callable[[Copied], None], check: Callable[[Tx], None]) -> None:
    """Copy everything, or nothing; raises `Conflict` where the target holds tables, `Unavailable` where copies differ.

    `check` sees the target before it is committed; `done` hears of each table. A target that holds these very rows is
    what somebody left who was killed after the copy: there is nothing to do.
    """

    def write(tx: Tx) -> None:
        live, found = source.read(), [name for name in _names(tx, target.dialect) if name != OWN]
        if not found:
            copies = _copied_all(live, tx, source.dialect, target.dialect)
        elif not (copies := _held_alike(live, tx, source.dialect, target.dialect)):
            raise _not_empty(found)
        for copied in copies:
            done(copied)
        mark(tx, target.dialect, version(live, source.dialect))
        check(tx)

    target.write(write).result()


def _copied_all(live: Tx, tx: Tx, here: Dialect, there: Dialect) -> list[Copied]:
    _make(live, tx, there, "table")
    copies = [_copied(live, tx, table, here) for table in _names(live, here)]
    _make(live, tx, there, "index")
    return copies


def _held_alike(live: Tx, tx: Tx, here: Dialect, there: Dialect) -> list[Copied]:
    """Tables of the target where all of them hold the rows of the source; none where one does not."""
    names, copies = _names(live, here), []
    if {*_names(tx, there)} - {OWN} != {*names}:
        return []
    for table in names:
        columns = _columns(live, table, here)
        every = f"SELECT {', '.join(columns)} FROM {table}"
        if {*_columns(tx, table, there)} != {*columns}:
            return []
        copies.append(summed(table, walked(tx, every)))
        if copies[-1] != summed(table, live.execute(every)):
            return []
    return copies


def _columns(tx: Tx, table: str, dialect: Dialect) -> list[str]:
    return [name for (name,) in tx.execute(dialect.columns, (table,))]


def _not_empty(found: Sequence[str]) -> Conflict:
    return Conflict(
        T(f"目标数据库不是空的：{'、'.join(sorted(found)[:5])}", f"The target holds {', '.join(sorted(found)[:5])}"),
        mend=T("另建一个空的数据库", "Make an empty database"),
        reason="NOT_EMPTY",
    )


def _names(tx: Tx, dialect: Dialect) -> list[str]:
    return [name for (name,) in tx.execute(dialect.tables) if not name.startswith("sqlite_")]


def _make(live: Tx, tx: Tx, dialect: Dialect, kind: str) -> None:
    for (statement,) in live.execute(_MADE, (kind,)).fetchall():
        tx.execute(dialect.render(statement))


def _copied(live: Tx, tx: Tx, table: str, dialect: Dialect) -> Copied:
    columns = _columns(live, table, dialect)
    every = f"SELECT {', '.join(columns)} FROM {table}"
    put = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for page in pages(iter(live.execute(every))):
        tx.executemany(put, page)
    there, here = summed(table, live.execute(every)), summed(table, walked(tx, every))
    if there != here:
        raise Unavailable(
            T(f"{table} 的副本不同：{there}，{here}", f"The copy of {table} differs: {there}, {here}"), reason="COPY"
        )
    return here


def walked(tx: Tx, every: str) -> Iterator[Sequence[Any]]:
    """Rows that a query answers in a transaction of PostgreSQL, a page in memory at a time."""
    walk = f"walk{next(_walks)}"  # whoever stops half-way leaves it open until the transaction ends
    tx.execute(f"DECLARE {walk} NO SCROLL CURSOR FOR {every}")
    while page := tx.execute(f"FETCH {PAGE} FROM {walk}").fetchall():
        yield from page
    tx.execute(f"CLOSE {walk}")


def pages(rows: Iterator[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """`PAGE` rows at a time."""
    while page := list(itertools.islice(rows, PAGE)):
        yield page


def summed(table: str, rows: Iterable[Sequence[Any]]) -> Copied:
    """Count and sum the rows of a table."""
    total = count = 0
    for row in rows:
        total += int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(row), digest_size=16).digest(), "big")
        count += 1
    return Copied(table, count, f"{total % _SUM:032x}")

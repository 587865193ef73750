"""A whole database from SQLite to PostgreSQL: every table as it stands, copied and compared in one transaction.

What is made is what the source says of itself, rendered; so a table that this release does not know moves too. Rows are
compared by number and by a sum of their hashes, read back from the target, before anything is committed.
Cost: rows go and come in pages of `PAGE`, some 20,000 a second.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from cloudhall.kernel.errors import Conflict, Unavailable
from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.store.dialect import Dialect
from cloudhall.kernel.text import T

PAGE = 2_000
OWN = "schema_version"  # the target's own table
_MADE = "SELECT sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL ORDER BY name"
_SUM = 2**128


class Copied(NamedTuple):
    """A table, its rows, and the sum of their hashes modulo 2^128, which no order changes."""

    table: str
    rows: int
    digest: str


def move(source: Store, target: Store, done: Callable[[Copied], None], check: Callable[[Tx], None]) -> None:
    """Copy everything, or nothing; raises `Conflict` where the target holds tables, `Unavailable` where copies differ.

    `check` sees the target before it is committed; `done` hears of each table.
    """
    found = set(_names(target.read(), target.dialect)) - {OWN}
    if found:
        raise Conflict(
            T(
                f"目标数据库不是空的：{'、'.join(sorted(found)[:5])}",
                f"The target holds {', '.join(sorted(found)[:5])}",
            ),
            mend=T("另建一个空的数据库", "Make an empty database"),
            reason="NOT_EMPTY",
        )

    def write(tx: Tx) -> None:
        live = source.read()
        _make(live, tx, target.dialect, "table")
        for table in _names(live, source.dialect):
            done(_copied(live, tx, table, source.dialect))
        _make(live, tx, target.dialect, "index")
        check(tx)

    target.write(write).result()


def _names(tx: Tx, dialect: Dialect) -> list[str]:
    return [name for (name,) in tx.execute(dialect.tables) if not name.startswith("sqlite_")]


def _make(live: Tx, tx: Tx, dialect: Dialect, kind: str) -> None:
    for (statement,) in live.execute(_MADE, (kind,)).fetchall():
        tx.execute(dialect.render(statement))


def _copied(live: Tx, tx: Tx, table: str, dialect: Dialect) -> Copied:
    columns = [name for (name,) in live.execute(dialect.columns, (table,))]
    every = f"SELECT {', '.join(columns)} FROM {table}"
    put = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for page in _pages(iter(live.execute(every))):
        tx.executemany(put, page)
    there, here = _summed(table, live.execute(every)), _summed(table, _walked(tx, every))
    if there != here:
        raise Unavailable(
            T(f"{table} 的副本不同：{there}，{here}", f"The copy of {table} differs: {there}, {here}"), reason="COPY"
        )
    return here


def _walked(tx: Tx, every: str) -> Iterator[Sequence[Any]]:
    """Rows of the target, a page in memory at a time."""
    tx.execute(f"DECLARE walk NO SCROLL CURSOR FOR {every}")
    while page := tx.execute(f"FETCH {PAGE} FROM walk").fetchall():
        yield from page
    tx.execute("CLOSE walk")


def _pages(rows: Iterator[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    while page := list(islice(rows, PAGE)):
        yield page


def _summed(table: str, rows: Iterable[Sequence[Any]]) -> Copied:
    total = count = 0
    for row in rows:
        total += int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(row), digest_size=16).digest(), "big")
        count += 1
    return Copied(table, count, f"{total % _SUM:032x}")

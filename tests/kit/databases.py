"""Which database the installations of a test stand on: a module that says `pytestmark = BOTH` runs on either.

A PostgreSQL database takes a tenth of a second to make and fill with tables, so those that are done with are emptied
and lent again to whoever wants the same tables.
"""

import contextlib
import re
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

import pytest

from cloudhall.kernel.store import Store, Tx
from cloudhall.kernel.store.dialect import SQLITE
from cloudhall.kernel.store.session import Session
from tests.kit.postgres import Server

BOTH = pytest.mark.usefixtures("dialect")


class Lending(NamedTuple):
    """A server, and its emptied databases by what tables they hold."""

    server: Server
    empty: dict[Hashable, list[str]]


_current: list[Lending] = []


def fresh() -> str:
    """URL of a new database without tables; nothing where SQLite is meant."""
    return _current[-1].server.url(_current[-1].server.make()) if _current else ""


@contextlib.contextmanager
def lent(tables: Hashable) -> Iterator[str]:
    """URL of an empty database, which may have tables from somebody who wanted the same; nothing for SQLite."""
    if not _current:
        yield ""
        return
    shelf = _current[-1].empty.setdefault(tables, [])
    url = shelf.pop() if shelf else fresh()
    yield url
    _wipe(url)
    shelf.append(url)


class Plan(NamedTuple):
    """How a query would be answered: the index it walks, if any, and whether rows are sorted afterwards."""

    walks: str
    sorts: bool


def plan_of(store: Store, sql: str) -> Plan:
    """Ask the database; PostgreSQL as if the table were large."""
    if store.dialect is SQLITE:
        said = " ".join(row[3] for row in store.read().execute(f"EXPLAIN QUERY PLAN {sql}"))
        found = re.search(r"USING (?:COVERING )?INDEX (\w+)", said)
        return Plan(found[1] if found else "", "TEMP B-TREE" in said)
    said = "\n".join(line for (line,) in store.write(lambda tx: _explained(tx, sql)).result())
    found = re.search(r"Index (?:Only )?Scan (?:Backward )?using (\w+)", said)
    return Plan(found[1] if found else "", "Sort" in said)


def _explained(tx: Tx, sql: str) -> list[Any]:
    for way in ("seqscan", "bitmapscan", "sort"):
        tx.execute(f"SET LOCAL enable_{way} = off")
    return tx.execute(f"EXPLAIN {sql}").fetchall()


@contextlib.contextmanager
def on(server: Server | None) -> Iterator[None]:
    """Let everything opened in the block stand on this server; on SQLite without one."""
    if server is None:
        yield
        return
    _current.append(Lending(server, {}))
    try:
        yield
    finally:
        _current.pop()


def _wipe(url: str) -> None:
    session = Session(url)
    with contextlib.closing(session):
        tables = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        session.control("; ".join(f"DELETE FROM {name}" for (name,) in tables) or "SELECT 1")

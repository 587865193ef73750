"""A whole database from PostgreSQL into an SQLite file, of one moment, while others write.

What is made is what PostgreSQL says of itself: columns, keys, checks, defaults and indexes, in SQLite's words; so a
table that this release does not know comes along too. Only that a table does without a rowid is not said there: in the
file each has one, which costs bytes and changes nothing. Rows are read in one REPEATABLE READ transaction, begun while
nobody else may commit, for milliseconds; they are compared with the file by number and by the sum of their hashes.
Cost: rows go in pages; 12,000 of 400 bytes a second where a bare COPY answers 87,000, on a busy machine. The server
keeps dead rows for as long as that takes.
"""

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Tx, troubles
from cloudhall.kernel.store.dialect import POSTGRES
from cloudhall.kernel.store.moving import OWN, Copied, pages, summed, walked
from cloudhall.kernel.store.postgres import BEGIN, told
from cloudhall.kernel.store.session import Lost, Refused, Session
from cloudhall.kernel.text import T

_GATE = "SET lock_timeout = '30s'"
_WALK = "SET statement_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TYPES = {"bigint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ?::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_RULES = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ?::regclass AND contype <> 'n' ORDER BY contype DESC, conname
"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = ?::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY i.indexrelid
"""
_NUMBER, _LIST = re.compile(r"'(-?\d+)'::(?:integer|bigint)\b"), re.compile(r"= ANY \(ARRAY\[([^]]*)\]\)")
_ONLY_IN_POSTGRES = re.compile(r"('(?:[^']|'')*')|::[a-z]+\b|(?<= ON )\w+\.|USING btree ")


def unload(url: str, target: Path) -> int:
    """Write the rows of a database to `target`, a new file; answers the moment (ns) that they are of.

    Everything acknowledged before it is there, nothing that began after it. Raises `Unavailable`.
    """
    try:
        with _snapshot(url) as (live, at_ns), contextlib.closing(_new(target)) as copy:
            (there,) = live.execute("SELECT to_regclass(?) IS NOT NULL", (OWN,)).fetchone()
            if not there:
                raise _no_installation()
            for table in _names(live):
                _copy(live, copy, table)
            (version,) = live.execute(f"SELECT max(version) FROM {OWN}").fetchone()
            copy.execute(f"PRAGMA user_version = {version}")
            copy.execute("COMMIT")
    except (Lost, Refused) as error:
        raise told(error) from error
    except sqlite3.OperationalError as error:
        raise troubles.disk_full() if "full" in str(error) else troubles.unavailable(error, f" {target}") from error
    return at_ns


@contextlib.contextmanager
def _snapshot(url: str) -> Iterator[tuple[Session, int]]:
    """Give a session that sees one moment, and the moment."""
    with contextlib.ExitStack() as open_:
        live = open_.enter_context(contextlib.closing(Session(url)))
        with contextlib.closing(Session(url, _GATE)) as gate:
            gate.control(BEGIN)
            live.control(_WALK)
            live.execute("SELECT 1")  # the snapshot is that of the first query
            at_ns = time.time_ns()
        yield live, at_ns


def _new(target: Path) -> sqlite3.Connection:
    """Without a journal: whatever interrupts, the file is of no use."""
    copy = sqlite3.connect(target, isolation_level=None)
    copy.execute("PRAGMA journal_mode = OFF")
    copy.execute("PRAGMA synchronous = OFF")
    copy.execute("BEGIN")
    return copy


def _names(live: Tx) -> list[str]:
    return [name for (name,) in live.execute(POSTGRES.tables) if name != OWN]


def _copy(live: Session, copy: sqlite3.Connection, table: str) -> Copied:
    columns = live.execute(_COLUMNS, (table,)).fetchall()
    rules = [rule for (rule,) in live.execute(_RULES, (table,))]
    copy.execute(statement(table, columns, rules))
    names = ", ".join(name for name, *_ in columns)
    every = f"SELECT {names} FROM {table}"
    put = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
    for page in pages(walked(live, every)):
        copy.executemany(put, page)
    for (made,) in live.execute(_INDEXES, (table,)):
        copy.execute(in_sqlite(made))
    there, here = summed(table, walked(live, every)), summed(table, copy.execute(every))
    if there != here:
        text = T(f"{table} 的副本不同：{there}，{here}", f"The copy of {table} differs: {there}, {here}")
        raise Unavailable(text, reason="COPY")
    return here


def statement(table: str, columns: list[tuple[str, str, bool, str | None]], rules: list[str]) -> str:
    """Statement that makes a table in SQLite, of what PostgreSQL says; raises `Unavailable` for a type we never use."""
    parts = []
    for name, type_, required, default in columns:
        if type_ not in _TYPES:
            text = T(f"{table}.{name} 的类型 {type_} 不是云厅的", f"{table}.{name} is a {type_}, which is none of ours")
            raise Unavailable(text, reason="COPY")
        said = f" DEFAULT {in_sqlite(default)}" if default is not None else ""
        parts.append(f"{name} {_TYPES[type_]}{' NOT NULL' if required else ''}{said}")
    return f"CREATE TABLE {table} ({', '.join([*parts, *map(in_sqlite, rules)])}) STRICT"


def in_sqlite(said: str) -> str:
    """Leave out what PostgreSQL says and SQLite does not: casts, schemas, the kind of an index, arrays for lists."""
    plain = _ONLY_IN_POSTGRES.sub(lambda found: found[1] or "", _NUMBER.sub(r"\1", said))
    return _LIST.sub(r"IN (\1)", plain)


def _no_installation() -> Unavailable:
    return Unavailable(
        T("这个数据库里没有安装", "There is no installation in this database"),
        mend=T("检查 CLOUDHALL_DATABASE", "Check CLOUDHALL_DATABASE"),
        reason="DATABASE",
    )

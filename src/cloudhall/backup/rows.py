"""The rows of one moment, copied while others write, and what proves two copies alike.

The copy is an SQLite file wherever the rows lie, so that a backup of either database restores into either. From SQLite
it is the online backup in one step inside a read transaction, from PostgreSQL what `unloading` writes: writers go on,
and the copy is of the moment at which the transaction began.
"""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cloudhall.backup.manifest import Log, Table
from cloudhall.backup.trouble import damaged
from cloudhall.kernel.store import troubles
from cloudhall.kernel.store.revisions import SCHEMA_VERSION

NAME = "cloudhall.db"
WAITS_S = 5.0


def snapshot(home: Path, database: str, target: Path) -> int:
    """Copy the rows of an installation; answers the moment (ns) up to which everything acknowledged is in the copy.

    `database` is the URL of a PostgreSQL database, empty where the rows lie in `home`.
    """
    target.unlink(missing_ok=True)
    if database:
        from cloudhall.kernel.store.unloading import unload

        return unload(database, target)
    source = home / NAME
    with _connected(source) as live, _connected(target) as copy:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the read transaction begins with this look
        at_ns = time.time_ns()
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, without a log beside it
    return at_ns


def schema_version(database: Path) -> int:
    """Version of the tables; `Unavailable` when a newer release has written them."""
    with _connected(database) as copy:
        (version,) = copy.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise troubles.newer(database, version, SCHEMA_VERSION)
    return int(version)


def tables(database: Path) -> dict[str, Table]:
    """Each table with its rows counted and summed. Reads everything: some 200,000 rows a second."""
    with _connected(database) as copy:
        names = [name for (name,) in copy.execute(_TABLES)]
        return {name: _summed(copy, name) for name in names}


def sound(database: Path) -> bool:
    """Whether SQLite finds its own structure whole."""
    with _connected(database) as copy:
        return bool(copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def log_of(database: Path, public_key: str) -> Log:
    """Entries of the audit log and its newest checkpoint."""
    with _connected(database) as copy:
        (entries,) = copy.execute("SELECT count(*) FROM audit_leaf").fetchone()
        row = copy.execute("SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    return Log(entries, row[0] if row else "", public_key)


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


def _summed(copy: sqlite3.Connection, table: str) -> Table:
    keys = copy.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)).fetchall()
    order = ", ".join(f'"{name}"' for (name,) in keys) or "rowid"
    sha256, rows = hashlib.sha256(), 0
    for row in copy.execute(f'SELECT * FROM "{table}" ORDER BY {order}'):  # noqa: S608  names from the database itself
        sha256.update(msgspec.json.encode(row))
        rows += 1
    return Table(rows, sha256.hexdigest())


@contextlib.contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=WAITS_S, isolation_level=None)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        raise troubles.unavailable(error, f" {database}") from error
    except sqlite3.DatabaseError as error:
        raise damaged(database) from error

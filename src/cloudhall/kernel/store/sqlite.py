"""SQLite behind the store's door: one file, one writer, any number of readers.

Invariants: those of `groups`; what is acknowledged is on disk (WAL, synchronous=FULL). Several processes may open the
file: one of them writes at a time and the others wait, `BUSY_MS` at most. But a process hears only of its own commits,
and waiting is by polling, so that writers starve each other: one server a file, therefore; see `server`.
"""

import sqlite3
import threading
from pathlib import Path

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import IntegrityError, Tx, moment, revisions, troubles
from cloudhall.kernel.store.dialect import SQLITE
from cloudhall.kernel.store.groups import GroupStore
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

SQLITE_FLOOR = (3, 40, 0)  # STRICT tables and RETURNING as used here; what Debian 12 ships
BUSY_MS = 5_000


class SQLiteStore(GroupStore):
    """One database file. `read()` answers a connection for this thread, `write(fn)` a future."""

    dialect = SQLITE

    def __init__(self, path: Path, world: World) -> None:
        """Open or create; raises `Unavailable` for a file of a newer release or an old SQLite."""
        if sqlite3.sqlite_version_info < SQLITE_FLOOR:
            raise Unavailable(
                T(f"SQLite {sqlite3.sqlite_version} 太旧", f"SQLite {sqlite3.sqlite_version} is too old"),
                mend=T("请使用带有 SQLite 3.40 或更新版本的 Python", "Use a Python that brings SQLite 3.40 or newer"),
            )
        super().__init__(world)
        self.path = path
        self._local = threading.local()
        try:
            self._writer = _connect(path)
            revisions.refuse_newer(self._writer, SQLITE, path)
        except sqlite3.Error as error:
            raise _unavailable(error, f" {path}") from error
        self._thread.start()

    def read(self) -> Tx:
        """Give this thread's connection, which only reads and sees what is committed."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
        return moment.within(connection)

    def _begin(self) -> Tx:
        self._writer.execute("BEGIN IMMEDIATE")
        return self._writer

    def _end(self) -> None:
        self._writer.execute("COMMIT")

    def _undo(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _open(self) -> bool:
        return self._writer.in_transaction

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, sqlite3.IntegrityError):
            return IntegrityError(str(error))
        failed = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
        return _unavailable(error) if failed else error

    def _close(self) -> None:
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a shredded payload must not stay in a free page
    return connection


def _unavailable(error: BaseException, which: str = "") -> Unavailable:
    return troubles.disk_full() if "full" in str(error) else troubles.unavailable(error, which)

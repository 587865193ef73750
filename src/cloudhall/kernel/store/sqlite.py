"""SQLite behind the store's door: one writer that commits in groups, any number of readers.

Invariants: every change goes through `write`; a write is acknowledged only after its transaction is on disk
(WAL, synchronous=FULL), a refusal not before either, so whoever hears of one sees all that was committed beside it;
functions handed to `write` run alone, one after the other, each in a savepoint of its own, so that one that fails takes
nothing of its neighbours along; whatever happens to the writer, nobody waits for ever. While one group is synced the
next one gathers, which is all the batching there is: a lone write never waits.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

SQLITE_FLOOR = (3, 40, 0)  # STRICT tables and RETURNING as used here; what Debian 12 ships
GROUP_SIZE_MAX = 64
SCHEMA_VERSION = 1
R = TypeVar("R")


class _Answer(NamedTuple):
    result: Any = None
    error: BaseException | None = None


class _Job(NamedTuple):
    run: Callable[[Tx], Any]
    future: "Future[Any]"

    def end(self, answer: _Answer) -> None:
        if answer.error is None:
            self.future.set_result(answer.result)
        else:
            self.future.set_exception(answer.error)


class SQLiteStore:
    """One database file. `read()` answers a connection for this thread, `write(fn)` a future."""

    def __init__(self, path: Path, world: World) -> None:
        """Open or create; raises `Unavailable` for a file of a newer release or an old SQLite."""
        if sqlite3.sqlite_version_info < SQLITE_FLOOR:
            raise Unavailable(
                T(f"SQLite {sqlite3.sqlite_version} 太旧", f"SQLite {sqlite3.sqlite_version} is too old"),
                mend=T("请使用带有 SQLite 3.40 或更新版本的 Python", "Use a Python that brings SQLite 3.40 or newer"),
            )
        self.path, self.world = path, world
        self.on_commit: list[Callable[[], None]] = []
        self._local = threading.local()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self._door = threading.Lock()
        try:
            self._writer = _connect(path)
            _refuse_newer(self._writer, path)
        except sqlite3.Error as error:
            raise _unavailable(error, f" {path}") from error
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def read(self) -> sqlite3.Connection:
        """Give this thread's connection, which only reads and sees what is committed."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
        return connection

    def write(self, run: Callable[[Tx], R]) -> "Future[R]":
        """Queue a change; the future is done when it is durable, or carries what `run` raised."""
        future: Future[R] = Future()
        with self._door:
            if self._closing:
                future.set_exception(_closed())
            else:
                self._jobs.put(_Job(run, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then close; a later write is refused, and closing twice is closing once."""
        with self._door:
            if self._closing:
                return
            self._closing = True
            self._jobs.put(None)
        self._thread.join()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            stop = False
            while len(group) < GROUP_SIZE_MAX and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    stop = True
                    break
                group.append(job)
            self._commit(group)
            if stop:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            answers = [self._one(job) for job in group]
            self.world.fault("store.commit:before")
            self._writer.execute("COMMIT")
            self.world.fault("store.commit:after")
        except BaseException as error:  # noqa: BLE001  whatever it was, those who wait are told
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for job in group:
                job.future.set_exception(_told(error))
            return
        for job, answer in zip(group, answers, strict=True):
            job.end(answer)
        for notify in self.on_commit:
            notify()

    def _one(self, job: _Job) -> _Answer:
        self._writer.execute("SAVEPOINT one")
        try:
            result = job.run(self._writer)
        except Exception as error:
            if not self._writer.in_transaction:
                raise  # the database gave the whole group up: disk full or broken
            self._writer.execute("ROLLBACK TO one")
            self._writer.execute("RELEASE one")
            return _Answer(error=_told(error))
        self._writer.execute("RELEASE one")
        return _Answer(result)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a shredded payload must not stay in a free page
    return connection


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = SCHEMA_VERSION
    if version > known:
        raise Unavailable(
            T(
                f"数据库 {path} 由更新的版本写成（结构 {version}，本程序识别到 {known}）",
                f"The database {path} was written by a newer release (schema {version}, known {known})",
            ),
            mend=T("请运行更新的版本，或恢复升级前的备份", "Run the newer release, or restore a backup from before it"),
        )
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _told(error: BaseException) -> BaseException:
    """What the caller hears: its own error, or that the database failed."""
    failed = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    return _unavailable(error) if failed else error


def _closed() -> Unavailable:
    return Unavailable(T("程序正在停止", "The program is stopping"), reason="STOPPING")


def _unavailable(error: BaseException, which: str = "") -> Unavailable:
    if "full" in str(error):
        return Unavailable(
            T("磁盘已满，未写入任何内容", "The disk is full; nothing was written"),
            mend=T(
                "清理磁盘后重试；已确认的内容都在", "Free some room and try again; whatever was acknowledged is safe"
            ),
            reason="DISK_FULL",
        )
    text = T(f"数据库{which} 不可用：{error}", f"The database{which} is not available: {error}")
    return Unavailable(text, reason="STORE")

"""PostgreSQL behind the store's door: the same promises as SQLite's, for any number of processes and machines.

Invariants: those of `groups`. A group is one transaction that first takes one advisory lock of the database, so that
functions run alone over all processes: what a command was planned on still holds when it is written, and numbers taken
from a table have no gaps and never come late. Statements see what was committed before they began (READ COMMITTED),
so whatever follows the lock sees all that was written under it. Other processes hear of a commit by NOTIFY.
A write is repeated only while nothing of it can have been kept; where the connection breaks during the commit, nobody
acknowledges and nobody repeats: the caller is told so, and its idempotency key decides.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.store import Question, Remote, Tx, moment, revisions, troubles
from cloudhall.kernel.store.dialect import POSTGRES
from cloudhall.kernel.store.groups import GroupStore
from cloudhall.kernel.store.listening import Listener
from cloudhall.kernel.store.rows import Rows
from cloudhall.kernel.store.session import Lost, Refused, Session
from cloudhall.kernel.store.under_lock import UnderLock
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

POSTGRES_FLOOR = 14  # the oldest that is still mended by its makers
READERS_MAX = 8  # connections that read, a process; who finds none waits for one
LOCK = 0x636C6F7564  # the one key of the advisory lock; a database holds one installation
CHANNEL = "cloudhall"
_WRITER = """
SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s';
SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
_READER = "SET default_transaction_read_only = on"
BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK})"
_VERSION = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)"
R = TypeVar("R")
_DISK_FULL = "53100"
_UNFIT = ("22", "54000")  # a value out of range, a NUL in a text, an index entry too long


class PostgresStore(GroupStore):
    """One database of a PostgreSQL server. `read()` answers what reads, `write(fn)` a future."""

    dialect = POSTGRES

    def __init__(self, url: str, world: World) -> None:
        """Open; raises `Unavailable` where it is away, too old, not in UTF-8, or written by a newer release."""
        super().__init__(world)
        self._url = url
        self._ringing = threading.Lock()
        self._committing = False
        self._writer: Session | None = None
        try:
            self._writer = Session(url, _WRITER)
            _refuse(self._writer)
        except (Lost, Refused, Unavailable) as error:
            self._undo()
            raise told(error) from error
        self._readers = _Readers(url)
        self._listener = Listener(url, CHANNEL, self._heard)
        self._thread.start()

    def read(self) -> Tx:
        """Give what reads: each statement on its own sees what is committed."""
        return moment.within(self._readers)

    def _begin(self) -> Tx:
        """Begin anew where the server has gone since the last group; nothing of this one is written yet."""
        self._committing = False
        if self._writer is not None:
            with contextlib.suppress(Lost):
                self._writer.control(BEGIN)
                return UnderLock(self._writer)
        self._undo()
        self._writer = Session(self._url, _WRITER)
        self._writer.control(BEGIN)
        return UnderLock(self._writer)

    def _end(self) -> None:
        assert self._writer is not None
        self._committing = True
        for statement in (f"NOTIFY {CHANNEL}", "COMMIT"):
            self._writer.send(statement)
        self._writer.flush()
        self._committing = False

    def _undo(self) -> None:
        """Hang up: the server rolls back by itself, also what it has not answered yet."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self) -> bool:
        return self._writer is not None and self._writer.alive

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, Lost) and self._committing:
            return troubles.outcome_unknown()
        return told(error)

    def _close(self) -> None:
        self._listener.close()
        self._readers.close()
        self._undo()

    def _ring(self) -> None:
        with self._ringing:
            super()._ring()

    def _heard(self, backend: int) -> None:
        """Pass on what another process has committed; our own commits have rung already."""
        writer = self._writer
        if writer is None or backend != writer.backend:
            self._ring()


class _Readers(Remote):
    """Connections that only read, lent out a statement at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: deque[Session] = deque()
        self._room = threading.BoundedSemaphore(READERS_MAX)
        self._closed = False

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement; once more on a new connection where the server was restarted meanwhile."""
        return self._lent(lambda session: session.execute(sql, parameters))

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Rows:
        """Never of use: what reads answers rows."""
        return self._lent(lambda session: session.executemany(sql, parameters))

    def ask(self, questions: Sequence[Question]) -> Tx:
        """Ask several things in one round trip; each is answered as of its own moment, as ever here."""
        asked = self._lent(lambda session: session.execute_all(questions))
        return moment.Remembering(self, dict(zip(questions, map(Rows.fetchall, asked), strict=True)))

    def close(self) -> None:
        """Hang up; what is lent out is hung up when it comes back."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        with contextlib.suppress(IndexError):  # the last one is gone
            while True:
                self._idle.pop().close()

    def _lent(self, run: Callable[[Session], R]) -> R:
        try:
            with self._room:
                with contextlib.suppress(Lost):
                    return self._on(self._idle_one() or Session(self._url, _READER), run)
                self._drop()
                return self._on(Session(self._url, _READER), run)
        except (Lost, Refused) as error:
            raise told(error) from error

    def _idle_one(self) -> Session | None:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return None

    def _on(self, session: Session, run: Callable[[Session], R]) -> R:
        try:
            return run(session)
        finally:
            if session.alive and not self._closed:
                self._idle.append(session)
            else:
                session.close()


def refuse_unfit(session: Session) -> None:
    """Raise `Unavailable` for a server or database that would not do."""
    if session.server_version < POSTGRES_FLOOR:
        raise Unavailable(
            T(f"PostgreSQL {session.server_version} 太旧", f"PostgreSQL {session.server_version} is too old"),
            mend=T(f"请使用 {POSTGRES_FLOOR} 或更新的版本", f"Use release {POSTGRES_FLOOR} or newer"),
        )
    name, encoding = session.execute("SELECT current_database(), current_setting('server_encoding')").fetchone()
    if encoding != "UTF8":
        raise Unavailable(
            T(f"数据库 {name} 的编码是 {encoding}", f"The database {name} is encoded in {encoding}"),
            mend=T("请用 ENCODING 'UTF8' 新建数据库", "Make one with ENCODING 'UTF8'"),
        )


def _refuse(session: Session) -> None:
    """Refuse what would not do, and what a newer release has written, before anything is written."""
    refuse_unfit(session)
    (name,) = session.execute("SELECT current_database()").fetchone()
    session.control(BEGIN)
    session.control(_VERSION)
    revisions.refuse_newer(session, POSTGRES, name)
    session.control("COMMIT")


def told(error: BaseException) -> BaseException:
    """What the caller hears: its own error, or that the database failed."""
    if isinstance(error, Refused) and error.state == _DISK_FULL:
        return troubles.disk_full()
    if isinstance(error, Refused) and error.state.startswith(_UNFIT):
        return troubles.unfit(error)
    return troubles.unavailable(error) if isinstance(error, Lost | Refused) else error

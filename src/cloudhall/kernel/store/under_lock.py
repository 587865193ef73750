"""The transaction of a group on PostgreSQL: as few round trips as can be, for all wait behind it.

Each round trip costs more than the statement itself. So a statement that answers no rows goes along with the next one
that does, and what a job has read is not asked again by the next: nobody else writes while the lock is held, and what
is written here forgets what was read of that table. The next number of a table is asked for once, and what a command
will surely read is asked together: a create of sixteen in a group takes 2 round trips, one of a batch none of its own.
"""

import contextlib
import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from cloudhall.kernel.store import Cursor, IntegrityError, Question, Remote
from cloudhall.kernel.store.moment import KEPT_ROWS_MAX
from cloudhall.kernel.store.rows import Rows
from cloudhall.kernel.store.session import Refused, Session

STREAMED_MIN = 50  # rows; a stream takes two round trips, however many they are
_WHOLE_ROWS = re.compile(r"INSERT INTO (\w+) VALUES \(\?(?:, \?)*\)")
_WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_READS = re.compile(r"\b(?:FROM|JOIN) (\w+)")
_NEXT = re.compile(r"SELECT coalesce\(max\((\w+)\), -?\d+\) \+ 1 FROM (\w+)")
_NUMBERED = re.compile(r"INSERT INTO (\w+) \((\w+),.*VALUES \(\?,", re.DOTALL)


class Shape(NamedTuple):
    """What a statement does: the table that it writes, those that it reads, and whether it answers rows.

    `number` is a table and its first column, of what asks for its next number or writes a row with it.
    """

    written: str
    read: frozenset[str]
    answers: bool
    number: tuple[str, str] | None = None


@functools.lru_cache(maxsize=4_096)
def shape_of(sql: str) -> Shape:
    """Shape of a statement; what is none of the four verbs reads nothing that could be kept."""
    writes = _WRITES.match(sql)
    if writes:
        numbered = _NUMBERED.match(sql.lstrip())
        return Shape(writes[1], frozenset(), "RETURNING" in sql, (numbered[1], numbered[2]) if numbered else None)
    reads = frozenset(_READS.findall(sql)) if sql.lstrip().startswith("SELECT") else frozenset[str]()
    asks = _NEXT.fullmatch(sql)
    return Shape("", reads, answers=True, number=(asks[2], asks[1]) if asks else None)


class UnderLock(Remote):
    """A `Tx` from the moment that the lock is taken to the commit."""

    def __init__(self, session: Session) -> None:
        """`session` has begun its transaction and holds the lock."""
        self.session = session
        self._known: dict[tuple[str, tuple[Any, ...]], list[Any]] = {}
        self._next: dict[tuple[str, str], int] = {}

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one statement, or let it wait where it answers no rows."""
        shape = shape_of(sql)
        if shape.written:
            return self._write(shape, sql, parameters)
        if shape.number:
            return self._number(shape.number, sql)
        if shape.read:
            return self._read(sql, tuple(parameters))
        if sql.startswith("SAVEPOINT"):
            return self.session.send(sql)
        if sql.startswith("RELEASE"):  # so far nothing may be wrong; whose error it is must be known here
            self.session.flush()
            return self.session.send(sql)
        self._known.clear()  # a rollback, a change of tables, or what else may change what is read
        self._next.clear()
        if sql.startswith("ROLLBACK"):
            with contextlib.suppress(Refused, IntegrityError):  # of what is undone
                self.session.flush()
        return self.session.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Run one statement for many parameter rows; whole new rows in number go as one stream."""
        self._forget(shape_of(sql).written)
        if len(parameters) >= STREAMED_MIN and (whole := _WHOLE_ROWS.fullmatch(sql)):
            return self.session.copy(whole[1], parameters)
        return self.session.executemany(sql, parameters)

    def ask(self, questions: Sequence[Question]) -> "UnderLock":
        """Ask what is not known yet in one round trip, along with all that waits to be written."""
        new = [asked for asked in questions if asked not in self._known]
        for asked, rows in zip(new, self.session.execute_all(new), strict=True):
            self._known[asked] = rows.fetchall()
        return self

    def _write(self, shape: Shape, sql: str, parameters: Sequence[Any]) -> Cursor:
        numbered = shape.number if shape.number in self._next else None
        self._forget(shape.written)
        if numbered is not None:
            self._next[numbered] = int(parameters[0]) + 1
        return (self.session.execute if shape.answers else self.session.send)(sql, parameters)

    def _number(self, column: tuple[str, str], sql: str) -> Cursor:
        """Ask for the next number once: only rows that are written here change it, and those are only added."""
        if column not in self._next:
            (self._next[column],) = self.session.execute(sql).fetchone()
        return Rows([(self._next[column],)], 1)

    def _read(self, sql: str, parameters: tuple[Any, ...]) -> Cursor:
        asked = (sql, parameters)
        rows = self._known.get(asked)
        if rows is None:
            rows = self.session.execute(sql, parameters).fetchall()
            if len(rows) <= KEPT_ROWS_MAX:
                self._known[asked] = rows
        return Rows(rows, len(rows))

    def _forget(self, table: str) -> None:
        for asked in [a for a in self._known if table in shape_of(a[0]).read]:
            del self._known[asked]
        for column in [c for c in self._next if c[0] == table]:
            del self._next[column]

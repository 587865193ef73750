"""One moment: while somebody only looks, what was read once is not read again.

A page asks a hundred times which roles its reader holds. Inside `one_moment` each question is put to the database
once, so a page also agrees with itself. A write by the same caller ends the moment: whoever changes something sees it.
Must never happen: a decision to write by what a moment remembers; commands are decided under the writer's lock.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from cloudhall.kernel.store import Cursor, Question, Remote, Tx, ask_ahead
from cloudhall.kernel.store.rows import Rows

KEPT_ROWS_MAX = 100  # of one answer


class Remembering(Remote):
    """What reads, and knows some answers already."""

    def __init__(self, tx: Tx, known: dict[Question, list[Any]]) -> None:
        """`known` grows with what is read."""
        self._tx, self._known = tx, known

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Answer what is known, ask the rest."""
        question = sql, tuple(parameters)
        rows = self._known.get(question)
        if rows is None:
            rows = self._tx.execute(sql, parameters).fetchall()
            if len(rows) <= KEPT_ROWS_MAX:
                self._known[question] = rows
        return Rows(rows, len(rows))

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Never of use: what reads answers rows."""
        return self._tx.executemany(sql, parameters)

    def ask(self, questions: Sequence[Question]) -> Tx:
        """Ask together what is not known."""
        new = [question for question in questions if question not in self._known]
        told = ask_ahead(self._tx, new)
        for question in new:
            self._known[question] = told.execute(*question).fetchall()
        return self


class _Momentary(Remembering):
    """What reads in a moment, and goes on without remembering once that is over: somebody may hold it longer."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Answer what is known as long as the moment lasts."""
        return super().execute(sql, parameters) if self._lasts() else self._tx.execute(sql, parameters)

    def ask(self, questions: Sequence[Question]) -> Tx:
        """Ask together."""
        return super().ask(questions) if self._lasts() else ask_ahead(self._tx, questions)

    def _lasts(self) -> bool:
        return _now.get() is self._known


_now: ContextVar[dict[Question, list[Any]] | None] = ContextVar("moment", default=None)


@contextlib.contextmanager
def one_moment() -> Iterator[None]:
    """Remember what is read inside, in this thread or task."""
    before = _now.set({})
    try:
        yield
    finally:
        _now.reset(before)


def within(tx: Tx) -> Tx:
    """What reads in the moment that is, if there is one."""
    known = _now.get()
    return tx if known is None else _Momentary(tx, known)


def end() -> None:
    """Forget it all: something is being changed."""
    if _now.get() is not None:
        _now.set(None)

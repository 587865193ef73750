"""What if: whatever is done to an engine inside is taken back, exactly, at the cost of what was done.

Each change notes what its row or host was before; at the end the notes are undone, last one first, so that rows,
numbers and free room are the same as before. Meanwhile the engine has no other user: it has one writer at any time.
"""

from typing import NamedTuple

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger
from cloudhall.domains.compute.placement.ledger import Books

FREE = -1


class Before(NamedTuple):
    """A row as it was (`host` is FREE where nothing was), or the labels of a host (`row` -1)."""

    row: int
    host: int
    word: int
    group: int
    serial: int


class Notes:
    """What to undo."""

    def __init__(self) -> None:
        self._notes: list[Before] = []

    def row(self, books: Books, row: int) -> None:
        """Note a row before it changes."""
        host, word, group, serial = (
            int(books.allocs[row, column]) for column in (at.HOST, at.CLASS, at.GROUP, at.SERIAL)
        )
        self._notes.append(Before(row, host, word, group, serial))

    def opened(self, row: int) -> None:
        """Note that a row was free until now."""
        self._notes.append(Before(row, FREE, 0, 0, 0))

    def labels(self, books: Books, host: int) -> None:
        """Note the labels of a host before they change."""
        self._notes.append(Before(-1, host, int(books.hosts[host, at.LABELS]), 0, 0))

    def undo(self, books: Books) -> None:
        """Take everything back."""
        while self._notes:
            _undo(books, self._notes.pop())


def _undo(books: Books, was: Before) -> None:
    if was.row < 0:
        ledger.relabel(books, was.host, -1, was.word)
        return
    if was.host == FREE:
        ledger.end(books, was.row)
        books.totals[at.T_SERIAL] -= 1
        return
    if books.allocs[was.row, at.SERIAL] < 0:
        ledger.open_row(books, was.group)
        books.totals[at.T_SERIAL] -= 1
        books.allocs[was.row, at.SERIAL] = was.serial
    else:
        ledger.lift(books, was.row)
    ledger.settle(books, was.row, was.host, was.word & (at.CLASSES_MAX - 1), was.word >> at.CLASS_BITS)

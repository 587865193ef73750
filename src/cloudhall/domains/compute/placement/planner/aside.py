"""What `Engine.trial` does for a few changes, for half a million at once: compiled, and undone in one go.

The ring of changes is never turned back: the index has read from it, and must hear of what is undone too.
"""

import contextlib
from collections.abc import Iterator, Sequence

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.jit import compiled, shared
from cloudhall.domains.compute.placement.ledger import Books, lift, settle, touch


@contextlib.contextmanager
def drained(engine: Engine, hosts: Ints) -> Iterator[None]:
    """Let nothing onto some hosts for the moment. O(hosts)."""
    books = engine.state.books
    before = books.hosts[hosts, at.LABELS].copy()
    label = compiled(set_labels) if engine.compiled else set_labels
    label(books, hosts, before | at.DRAINED)
    try:
        yield
    finally:
        label(books, hosts, before)


@contextlib.contextmanager
def moved(engine: Engine, ids: Sequence[int], rows: Ints) -> Iterator[Small]:
    """Move machines for the moment, each to the best host there is; gives the hosts, -1 where one stays. O(ids)."""
    books = engine.state.books
    homes, words = books.allocs[rows, at.HOST].copy(), books.allocs[rows, at.CLASS].copy()
    try:
        yield engine.move_many(ids)
    finally:
        back = compiled(put_back) if engine.compiled else put_back
        back(books, rows, homes, words)
        _forget_session(engine)


@shared
def set_labels(books: Books, hosts: Ints, words: Ints) -> None:
    """Set the labels of hosts."""
    for number in range(len(hosts)):
        books.hosts[hosts[number], at.LABELS] = words[number]
        touch(books, int(hosts[number]))


@shared
def put_back(books: Books, rows: Ints, homes: Small, words: Small) -> None:
    """Put machines back onto the hosts and devices they came from, last one first."""
    for number in range(len(rows) - 1, -1, -1):
        row, word = int(rows[number]), int(words[number])
        lift(books, row)
        settle(books, row, int(homes[number]), word & (at.CLASSES_MAX - 1), word >> at.CLASS_BITS)


def _forget_session(engine: Engine) -> None:
    engine._end_session()  # noqa: SLF001 - what the index counted of a group was counted on the trial

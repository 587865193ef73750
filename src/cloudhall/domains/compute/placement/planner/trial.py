"""Trying moves out: whatever is done inside is taken back."""

import contextlib
from collections.abc import Iterator

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.ledger import touch


@contextlib.contextmanager
def trial(engine: Engine) -> Iterator[None]:
    """Copy the books and put them back. O(fleet and allocations).

    The ring of changes is not turned back: the index has read from it, and must hear of what is undone too.
    """
    engine.state.reserve_rows()
    books = engine.state.books
    hosts, allocs, groups, totals = (a.copy() for a in (books.hosts, books.allocs, books.groups, books.totals))
    try:
        yield
    finally:
        changed = np.flatnonzero((books.hosts != hosts).any(1))
        totals[at.T_TOUCHED] = books.totals[at.T_TOUCHED]
        books.hosts[:], books.allocs[:], books.groups[:], books.totals[:] = hosts, allocs, groups, totals
        for host in changed.tolist():
            touch(books, host)

"""Revisions of the schema: what a release does to a database that an older one has written, before anything reads it.

What is only added (a kind, a hot table, an index, a column of an index) is made when it is found missing and needs no
revision. A revision is for what changes or goes. Its SQL is written out, for declarations go on changing after it, and
it does nothing where it finds its work done.

Invariants: all that is due runs in one transaction with the mark of the newest revision, so whoever is interrupted
begins again; a copy of the rows from before is kept first (`keeping`); a database of a newer release is refused.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cloudhall.kernel.store import Tx, troubles
from cloudhall.kernel.store.dialect import Dialect

SCHEMA_VERSION = 2
"""Newest revision that this release knows: that of the last entry in `installation.REVISIONS`."""


class Revision(NamedTuple):
    """What brings a database of revision `number` - 1 to `number`."""

    number: int
    run: Callable[[Tx, Dialect], None]


def version(tx: Tx, dialect: Dialect) -> int:
    """Revision of a database; 0 where it is new."""
    return int(tx.execute(dialect.version).fetchone()[0])


def mark(tx: Tx, dialect: Dialect, number: int = SCHEMA_VERSION) -> None:
    """Say which revision it is now."""
    tx.execute(dialect.mark.format(number))


def refuse_newer(tx: Tx, dialect: Dialect, which: object) -> None:
    """Raise `Unavailable` for what a newer release has written."""
    found = version(tx, dialect)
    if found > SCHEMA_VERSION:
        raise troubles.newer(which, found, SCHEMA_VERSION)


def bring_up(tx: Tx, dialect: Dialect, revisions: Sequence[Revision]) -> None:
    """Run what is due and mark the database; a new one is only marked."""
    found = version(tx, dialect)
    due = [r for r in revisions if r.number > found] if found else []
    assert not found or [r.number for r in due] == list(range(found + 1, SCHEMA_VERSION + 1)), "a revision is missing"
    for revision in due:
        revision.run(tx, dialect)
    if found != SCHEMA_VERSION:
        mark(tx, dialect)

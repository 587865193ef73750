"""Inboxes: notices to people, written by domains through `tell`, read and marked by the person alone.

A hot table, no kind: a notice is nobody's to change or to be allowed, so an event, an audit leaf and six indexes a
notice would say nothing, and the reader that writes notices would read of them again.
Invariants: a person is told of one thing (`key`) once; an inbox holds the newest `KEPT_MAX`; a text names only what the
person could see when it was written.
Cost: the primary key holds a person's notices together, newest last; a page, the unread ones and their count read one
index of that person's alone, at 3,000,000 rows as at 3.
"""

from collections.abc import Iterable
from typing import NamedTuple

from cloudhall.domains.notices import outbox
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

KEPT_MAX = 1_000  # a person; 3,000 people with full inboxes are 3,000,000 rows
COUNTED_MAX = 100  # unread ones, from there on "100+"
NEWEST = 2**62
SCHEMA = """
CREATE TABLE IF NOT EXISTS notice (
  person TEXT NOT NULL, id INTEGER NOT NULL, at_us INTEGER NOT NULL, key TEXT NOT NULL, zh TEXT NOT NULL,
  en TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL, read_us INTEGER, PRIMARY KEY (person, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS notice_key ON notice (person, key);
CREATE INDEX IF NOT EXISTS notice_unread ON notice (person, id) WHERE read_us IS NULL;
"""
_COLUMNS = "id, at_us, zh, en, kind, resource, read_us"


class About(NamedTuple):
    """Resource that a notice leads to, by its kind's full name and its id."""

    kind: str
    id: str


class Notice(NamedTuple):
    """One notice; ids count from 1 in each inbox."""

    id: int
    at_us: int
    text: T
    about: About
    read_us: int | None


def tell(tx: Tx, to: Iterable[str], what: T, about: About, *, headline: T, key: str, now_us: int) -> int:
    """Tell people something, each once a key; answers how many of them had not been told.

    `headline` goes into a mail, so it names nothing and nobody: `T("一项授权即将到期", "A role of yours ends soon")`.
    """
    return sum(_tell(tx, person, what, about, headline, key, now_us) for person in to)


def page(tx: Tx, person: str, *, unread: bool = False, before: int = NEWEST, limit: int = 50) -> list[Notice]:
    """Newest notices before one."""
    only = "AND read_us IS NULL " if unread else ""
    sql = f"SELECT {_COLUMNS} FROM notice WHERE person = ? AND id < ? {only}ORDER BY id DESC LIMIT ?"  # noqa: S608  a condition of this function
    return [
        Notice(id_, at_us, T(zh, en), About(kind, resource), read_us)
        for id_, at_us, zh, en, kind, resource, read_us in tx.execute(sql, (person, before, limit))
    ]


def unread(tx: Tx, person: str) -> int:
    """How many are unread; `COUNTED_MAX` stands for that many or more."""
    some = "SELECT 1 FROM notice WHERE person = ? AND read_us IS NULL LIMIT ?"
    (count,) = tx.execute(f"SELECT count(*) FROM ({some}) AS few", (person, COUNTED_MAX)).fetchone()  # noqa: S608  the line above
    return int(count)


def mark(tx: Tx, person: str, ids: Iterable[int], read_us: int | None) -> None:
    """Mark notices as read at a time, or, with None, as unread."""
    tx.executemany("UPDATE notice SET read_us = ? WHERE person = ? AND id = ?", [(read_us, person, id_) for id_ in ids])


def mark_all(tx: Tx, person: str, up_to: int, read_us: int) -> None:
    """Mark as read whatever the reader has seen the newest of."""
    tx.execute(
        "UPDATE notice SET read_us = ? WHERE person = ? AND id <= ? AND read_us IS NULL", (read_us, person, up_to)
    )


def forget(tx: Tx, person: str) -> None:
    """Empty the inbox of somebody who is gone."""
    tx.execute("DELETE FROM notice WHERE person = ?", (person,))
    outbox.forget(tx, person)


def _tell(tx: Tx, person: str, what: T, about: About, headline: T, key: str, now_us: int) -> bool:
    made = tx.execute(
        "INSERT INTO notice SELECT ?, (SELECT coalesce(max(id), 0) + 1 FROM notice WHERE person = ?), "
        "?, ?, ?, ?, ?, ?, NULL WHERE true ON CONFLICT (person, key) DO NOTHING RETURNING id",
        (person, person, now_us, key, what.zh, what.en, about.kind, about.id),
    ).fetchone()
    if made is None:
        return False
    tx.execute("DELETE FROM notice WHERE person = ? AND id <= ?", (person, made[0] - KEPT_MAX))
    outbox.queue(tx, person, made[0], headline, now_us)
    return True

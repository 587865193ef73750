"""The outbox of mails: who wants them, what waits to be sent, when it is tried again.

A person gets mails only where they have said so themselves. A mail waits here from the transaction that wrote its
notice until it was handed over, or given up after `DEADLINE_US`; so many people, so many rows at most a time
(`WAITING_MAX` each).
Must never be here: anything but the headline, which names nothing and nobody.
"""

from typing import NamedTuple

from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

WAITING_MAX = 20  # a person; who is told more than that finds the rest in the inbox
LEASE_US = 300 * SECOND_US
DEADLINE_US = 3 * 24 * 3_600 * SECOND_US
SCHEMA = """
CREATE TABLE IF NOT EXISTS notice_mail_wanted (person TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notice_mail (
  person TEXT NOT NULL, notice INTEGER NOT NULL, zh TEXT NOT NULL, en TEXT NOT NULL, queued_us INTEGER NOT NULL,
  tries INTEGER NOT NULL, due_us INTEGER NOT NULL, PRIMARY KEY (person, notice)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notice_mail_due ON notice_mail (due_us);
"""


class Waiting(NamedTuple):
    """A mail that is due."""

    person: str
    notice: int
    headline: T
    queued_us: int
    tries: int


def wanted(tx: Tx, person: str) -> bool:
    """Whether a person wants mails."""
    return tx.execute("SELECT 1 FROM notice_mail_wanted WHERE person = ?", (person,)).fetchone() is not None


def choose(tx: Tx, person: str, *, mail: bool) -> None:
    """Keep what a person has chosen; whoever wants none any more gets none of those that wait either."""
    if mail:
        tx.execute("INSERT INTO notice_mail_wanted VALUES (?) ON CONFLICT DO NOTHING", (person,))
    else:
        forget(tx, person)


def queue(tx: Tx, person: str, notice: int, headline: T, now_us: int) -> None:
    """Let a mail wait, if its addressee wants any and has not too many waiting already."""
    (waiting,) = tx.execute("SELECT count(*) FROM notice_mail WHERE person = ?", (person,)).fetchone()
    if waiting < WAITING_MAX and wanted(tx, person):
        row = (person, notice, headline.zh, headline.en, now_us, now_us)
        tx.execute("INSERT INTO notice_mail VALUES (?, ?, ?, ?, ?, 0, ?)", row)


def any_due(tx: Tx, now_us: int) -> bool:
    """Whether there is a mail to claim."""
    return tx.execute("SELECT 1 FROM notice_mail WHERE due_us <= ? LIMIT 1", (now_us,)).fetchone() is not None


def claim(tx: Tx, now_us: int, limit: int) -> list[Waiting]:
    """Take mails that are due, those that have waited longest first; nobody else takes them for `LEASE_US`."""
    sql = "SELECT person, notice, zh, en, queued_us, tries FROM notice_mail WHERE due_us <= ? ORDER BY due_us LIMIT ?"
    found = [
        Waiting(person, notice, T(zh, en), queued_us, tries)
        for person, notice, zh, en, queued_us, tries in tx.execute(sql, (now_us, limit)).fetchall()
    ]
    leases = [(now_us + LEASE_US, mail.person, mail.notice) for mail in found]
    tx.executemany("UPDATE notice_mail SET due_us = ? WHERE person = ? AND notice = ?", leases)
    return found


def done(tx: Tx, mail: Waiting) -> None:
    """Drop a mail that was handed over, or given up."""
    tx.execute("DELETE FROM notice_mail WHERE person = ? AND notice = ?", (mail.person, mail.notice))


def later(tx: Tx, mail: Waiting, due_us: int) -> None:
    """Try a mail again at a time."""
    tx.execute(
        "UPDATE notice_mail SET tries = tries + 1, due_us = ? WHERE person = ? AND notice = ?",
        (due_us, mail.person, mail.notice),
    )


def backlog(tx: Tx) -> tuple[int, int, int]:
    """How many mails wait, since when the oldest does (0: none), and how often one of them has failed at most."""
    sql = "SELECT count(*), coalesce(min(queued_us), 0), coalesce(max(tries), 0) FROM notice_mail"
    count, since_us, tries = tx.execute(sql).fetchone()
    return int(count), int(since_us), int(tries)


def forget(tx: Tx, person: str) -> None:
    """Remove choice and mails of a person."""
    tx.execute("DELETE FROM notice_mail_wanted WHERE person = ?", (person,))
    tx.execute("DELETE FROM notice_mail WHERE person = ?", (person,))

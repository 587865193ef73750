"""Quotas: room that a place has under a key, charged in the statement that checks it.

Invariant: `used` equals the sum of the declared path over the live rows of the place; two commands at once cannot
both take the last room, because the check is the UPDATE's own condition.
"""

from collections.abc import Iterable
from typing import NamedTuple

from cloudhall.kernel.errors import QuotaExceeded
from cloudhall.kernel.kinds import Quota
from cloudhall.kernel.store import Cursor, Question, Tx
from cloudhall.kernel.text import T

SCHEMA = """
CREATE TABLE IF NOT EXISTS quota (
  place TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL CHECK (used >= 0), room INTEGER NOT NULL,
  PRIMARY KEY (place, key)
) STRICT, WITHOUT ROWID;
"""


Wanted = tuple[str, Quota, int]
"""Place, quota and amount."""


class Room(NamedTuple):
    """How much of a quota is used and how much there is."""

    used: int
    room: int

    @property
    def left(self) -> int:
        """What may still be taken; 0 where the room was cut below the use."""
        return max(0, self.room - self.used)


def room(tx: Tx, place: str, quota: Quota) -> Room:
    """Use and room of a place."""
    row = tx.execute(*question(place, quota)).fetchone()
    return Room(*row) if row else Room(0, quota.default)


def question(place: str, quota: Quota) -> Question:
    """What `room` asks."""
    return "SELECT used, room FROM quota WHERE place = ? AND key = ?", (place, quota.key)


def charge(tx: Tx, place: str, quota: Quota, amount: int) -> None:
    """Take (or, negative, give back) room; raises `QuotaExceeded` and changes nothing when it does not fit."""
    if amount == 0 or attempt(tx, place, quota, amount).rowcount == 1:
        return
    first = "INSERT INTO quota VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING"
    made = tx.execute(first, (place, quota.key, quota.default)).rowcount == 1
    if not (made and attempt(tx, place, quota, amount).rowcount == 1):
        raise exceeded(quota, room(tx, place, quota), amount)


def attempt(tx: Tx, place: str, quota: Quota, amount: int) -> Cursor:
    """Take room where it fits; the row count says whether it did. To ask for it waits for the database."""
    sql = "UPDATE quota SET used = used + ? WHERE place = ? AND key = ? AND (? < 0 OR used + ? <= room)"
    return tx.execute(sql, (amount, place, quota.key, amount, amount))


def attempt_all(tx: Tx, wanted: Iterable[Wanted]) -> list[tuple[Wanted, Cursor]]:
    """Attempt several without waiting for any; `settle` sees what became of them."""
    return [(w, attempt(tx, *w)) for w in wanted if w[2]]


def settle(tx: Tx, attempts: Iterable[tuple[Wanted, Cursor]]) -> None:
    """Take what an attempt has not, for want of a row or of room; raises `QuotaExceeded`."""
    for wanted, attempted in attempts:
        if attempted.rowcount != 1:
            charge(tx, *wanted)


def exceeded(quota: Quota, now: Room, amount: int) -> QuotaExceeded:
    """Say what was asked, what is left, and of what."""
    unit = quota.unit
    return QuotaExceeded(
        T(
            f"{quota.title.zh}：需要 {amount} {unit}，剩余 {now.left} {unit}（共 {now.room}，已用 {now.used}）",
            f"{quota.title.en}: {amount} {unit} asked, {now.left} {unit} left ({now.room} in all, {now.used} used)",
        ),
        reason=quota.key,
        used=now.used,
        room=now.room,
        asked=amount,
    )


def set_room(tx: Tx, place: str, key: str, amount: int) -> None:
    """Give a place its room; what is used stays, even where it is now more."""
    tx.execute(
        "INSERT INTO quota VALUES (?, ?, 0, ?) ON CONFLICT (place, key) DO UPDATE SET room = excluded.room",
        (place, key, amount),
    )

"""Passkeys as they are kept: a key pair for this site alone, whose secret half a device keeps and shows nobody.

Invariants: a challenge is used up in the same transaction that believes its answer; a counter that is not the one seen
when the answer was checked is a copy or a replay, and lets nobody in. Nothing secret is kept here.
"""

from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity import tickets
from cloudhall.kernel.errors import Conflict, Unauthenticated
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

PASSKEYS_MAX = 20
SCHEMA = """
CREATE TABLE identity_passkey (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, name TEXT NOT NULL, public_key BLOB NOT NULL, sign_count INTEGER NOT NULL,
  created_us INTEGER NOT NULL, used_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_passkey_person ON identity_passkey (person);
"""


class Passkey(NamedTuple):
    """One passkey; times in microseconds since 1970, `used_us` 0 before the first log-in."""

    id: str
    name: str
    created_us: int
    used_us: int


class New(NamedTuple):
    """A passkey that a device has made and that is not kept yet; `ticket` is its challenge."""

    ticket: str
    id: str
    name: str
    public_key: bytes
    sign_count: int


class Known(NamedTuple):
    """What an answer is checked against."""

    id: str
    person: str
    public_key: bytes
    sign_count: int


class Shown(NamedTuple):
    """A passkey that has answered. Only `use` lets somebody in, within the transaction that opens the session."""

    ticket: str
    id: str
    person: str
    sign_count_before: int
    sign_count: int


def of(tx: Tx, person: str) -> tuple[Passkey, ...]:
    """Somebody's passkeys, oldest first."""
    sql = "SELECT id, name, created_us, used_us FROM identity_passkey WHERE person = ? ORDER BY created_us, id"
    return tuple(Passkey(*row) for row in tx.execute(sql, (person,)))


def find(tx: Tx, id_: str) -> Known:
    """Passkey by its id; raises `Unauthenticated` for one that nobody has registered."""
    sql = "SELECT id, person, public_key, sign_count FROM identity_passkey WHERE id = ?"
    row = tx.execute(sql, (id_,)).fetchone()
    if row is None:
        raise refused("UNKNOWN_PASSKEY")
    return Known(*row)


def keep(kernel: "Kernel", tx: Tx, person: str, made: New) -> None:
    """Keep a new passkey and use its challenge up; raises `Conflict` where there are too many, or it is there."""
    now = kernel.world.now_us()
    tickets.spend(tx, made.ticket, now)
    if len(of(tx, person)) >= PASSKEYS_MAX:
        raise Conflict(T(f"最多 {PASSKEYS_MAX} 个通行密钥", f"{PASSKEYS_MAX} passkeys are the most"), reason="TOO_MANY")
    row = (made.id, person, made.name, made.public_key, made.sign_count, now, 0)
    insert = "INSERT INTO identity_passkey VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
    if tx.execute(insert, row).rowcount == 0:
        raise Conflict(T("这个通行密钥已登记", "This passkey is registered already"), reason="ENROLLED")


def use(tx: Tx, found: Shown, now_us: int) -> None:
    """Use challenge and counter up; raises `Unauthenticated` where either was, or the passkey is gone."""
    tickets.spend(tx, found.ticket, now_us)
    sql = "UPDATE identity_passkey SET sign_count = ?, used_us = ? WHERE id = ? AND person = ? AND sign_count = ?"
    values = (found.sign_count, now_us, found.id, found.person, found.sign_count_before)
    if tx.execute(sql, values).rowcount == 0:
        raise refused("SIGN_COUNT")


def refused(reason: str) -> Unauthenticated:
    """Refusal that says to a guesser no more than the log needs."""
    return Unauthenticated(
        T("通行密钥未被接受", "The passkey was not accepted"),
        mend=T("再试一次，或用其他方式登录", "Try once more, or log in another way"),
        reason=reason,
    )

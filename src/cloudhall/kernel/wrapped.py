"""Secrets at rest: which tables hold what the keyring has wrapped, how much of it, and wrapping it anew.

A domain names its tables by `define`. What is not named is never wrapped anew, so its purpose can be neither rotated
nor destroyed from here.
Cost: a piece reads past what is done already; 100,000 secrets are 200 pieces of some 10 ms.
"""

from collections.abc import Sequence

import msgspec

from cloudhall.kernel.keys import Keyring, wrapped_by
from cloudhall.kernel.store import Tx

PIECE = 500


class Wrapped(msgspec.Struct, frozen=True):
    """A column of wrapped secrets; `bound_to` is the column whose text each is bound to."""

    purpose: str
    table: str
    column: str
    bound_to: str


STORES = [Wrapped("secrets", "secret", "wrapped", "resource"), Wrapped("answers", "request_key", "answer", "key")]


def define(store: Wrapped) -> None:
    """Name a table of a domain; once, when its module is imported."""
    STORES.append(store)


def stores(purpose: str) -> list[Wrapped]:
    """Where a purpose keeps what it wraps."""
    return [w for w in STORES if w.purpose == purpose]


def purposes() -> list[str]:
    """Every purpose whose secrets can be wrapped anew."""
    return sorted({w.purpose for w in STORES})


def count(tx: Tx, where: Sequence[Wrapped], key_id: str) -> dict[str, int]:
    """How many secrets a key has wrapped, by table."""
    begins = wrapped_by(key_id)
    sql = "SELECT count(*) FROM {0.table} WHERE {0.column} IS NOT NULL AND substr({0.column}, 1, {1}) = ?"
    return {w.table: int(tx.execute(sql.format(w, len(begins)), (begins,)).fetchone()[0]) for w in where}


def others(tx: Tx, where: Sequence[Wrapped], key_id: str) -> int:
    """How many secrets are wrapped by any other key."""
    begins = wrapped_by(key_id)
    sql = "SELECT count(*) FROM {0.table} WHERE {0.column} IS NOT NULL AND substr({0.column}, 1, {1}) <> ?"
    return sum(int(tx.execute(sql.format(w, len(begins)), (begins,)).fetchone()[0]) for w in where)


def rewrap(tx: Tx, keys: Keyring, where: Sequence[Wrapped], key_id: str) -> int:
    """Wrap a piece of what other keys hold with the newest; answers how many. Each changes only as it was read."""
    begins, done = wrapped_by(key_id), 0
    for w in where:
        sql = (
            f"SELECT {w.bound_to}, {w.column} FROM {w.table} WHERE {w.column} IS NOT NULL "
            f"AND substr({w.column}, 1, {len(begins)}) <> ? LIMIT ?"
        )
        for bound_to, blob in tx.execute(sql, (begins, PIECE - done)).fetchall():
            aad = bound_to.encode()
            fresh = keys.wrap(w.purpose, keys.unwrap(w.purpose, bytes(blob), aad), aad)
            update = f"UPDATE {w.table} SET {w.column} = ? WHERE {w.bound_to} = ? AND {w.column} = ?"
            done += tx.execute(update, (fresh, bound_to, blob)).rowcount
    return done
